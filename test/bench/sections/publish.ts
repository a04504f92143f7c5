import { aHostWith } from '../host.ts';
import { inFlight } from '../in-flight.ts';
import { aMessage, messagesTo } from '../messages.ts';
import type { Measured } from '../protocol.ts';
import { openRaw } from '../publishers/raw.ts';
import { median } from '../statistics.ts';
import { inTurns } from '../turns.ts';

const IN_FLIGHT = 100;
const MESSAGES_A_TURN = 1_000;
const TURNS = 4;
const SINGLE = 200;

/**
 * Publishes the same messages with Surehop's publisher and with a plain amqplib channel, and compares throughput and
 * latency.
 */
export async function publish(): Promise<Measured> {
  const host = await aHostWith(['raw', 'surehop']);
  const raw = await openRaw(host.amqpUrl);
  const surehop = host.publisher();
  try {
    await surehop.publish(aMessage('surehop'));
    await raw.publish(aMessage('raw'));
    const batches = (queue: string) => Array.from({ length: TURNS }, () => messagesTo(queue, MESSAGES_A_TURN));
    const [toRaw, toSurehop] = [batches('raw'), batches('surehop')];
    const took = await inTurns(
      {
        raw: () => raw.publishAll(toRaw.shift()!, IN_FLIGHT),
        surehop: () => inFlight(toSurehop.shift()!, IN_FLIGHT, (message) => surehop.publish(message)),
      },
      TURNS,
    );

    const one = async (send: () => Promise<void>): Promise<number> => {
      const startedAtMs = performance.now();
      await send();
      return performance.now() - startedAtMs;
    };
    const singles = { raw: [] as number[], surehop: [] as number[] };
    for (let n = 0; n < SINGLE; n += 1) {
      const [rawMessage, message] = [aMessage('raw'), aMessage('surehop')];
      // The two publishers alternate in going first, because the first one can slow down the second one.
      const sendRaw = async () => singles.raw.push(await one(() => raw.publish(rawMessage)));
      const sendSurehop = async () => singles.surehop.push(await one(() => surehop.publish(message)));
      for (const send of n % 2 === 0 ? [sendRaw, sendSurehop] : [sendSurehop, sendRaw]) await send();
    }
    return { throughput: took.raw / took.surehop, latency: median(singles.surehop) / median(singles.raw) };
  } finally {
    await raw.close();
    await host.remove();
  }
}
