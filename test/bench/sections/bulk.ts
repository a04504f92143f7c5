import { aHostWith } from '../host.ts';
import { aMessage, messagesTo } from '../messages.ts';
import type { Measured } from '../protocol.ts';
import { openRaw } from '../publishers/raw.ts';
import { inTurns } from '../turns.ts';

const MESSAGES_A_TURN = 2_000;
const TURNS = 3;

/**
 * Compares the throughput of Surehop's `publishAll` with the throughput of plain amqplib. Each call publishes 2,000
 * messages.
 */
export async function bulk(): Promise<Measured> {
  const host = await aHostWith(['raw', 'raw256', 'surehop']);
  const raw = await openRaw(host.amqpUrl);
  const surehop = host.publisher();
  try {
    await surehop.publish(aMessage('surehop'));
    await raw.publish(aMessage('raw'));
    const batches = (queue: string) => Array.from({ length: TURNS }, () => messagesTo(queue, MESSAGES_A_TURN));
    const [toRaw, toRaw256, toSurehop] = [batches('raw'), batches('raw256'), batches('surehop')];
    const took = await inTurns(
      {
        raw: () => raw.publishAll(toRaw.shift()!, 100),
        surehop: async () => {
          const failure = (await surehop.publishAll(toSurehop.shift()!)).find(Boolean);
          if (failure) throw failure;
        },
        raw256: () => raw.publishAll(toRaw256.shift()!, 256),
      },
      TURNS,
    );
    return { throughput: took.raw / took.surehop, raw256: took.raw / took.raw256 };
  } finally {
    await raw.close();
    await host.remove();
  }
}
