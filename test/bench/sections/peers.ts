import { aHostWith } from '../host.ts';
import { inFlight } from '../in-flight.ts';
import { aMessage, messagesTo } from '../messages.ts';
import type { Measured } from '../protocol.ts';
import { peers as clients, type Peer } from '../publishers/peers.ts';
import { inTurns } from '../turns.ts';

const IN_FLIGHT = 100;
const MESSAGES_A_TURN = 500;
const TURNS = 3;

/**
 * Publishes messages with each of the compared AMQP clients. Measures the throughput of each client, and notes how the
 * client reports an unroutable message.
 */
export async function peers(): Promise<Measured> {
  const names = Object.keys(clients);
  const queueOf = (name: string) => `to ${name}`;
  const host = await aHostWith(names.map(queueOf));
  const measured: Record<string, number | string> = {};
  const opened = new Map<string, Peer>();
  try {
    for (const name of names) opened.set(name, await clients[name]!(host.amqpUrl));
    for (const [name, { publish }] of opened) {
      await publish(aMessage(queueOf(name)));
      measured[`${name}: unroutable`] = await publish(aMessage('no such queue')).then(
        () => 'reported as published',
        () => 'reported as an error',
      );
    }
    const sides = [...opened].map(([name, { publish }]) => {
      const batches = Array.from({ length: TURNS }, () => messagesTo(queueOf(name), MESSAGES_A_TURN));
      return [name, () => inFlight(batches.shift()!, IN_FLIGHT, publish)] as const;
    });
    const took = await inTurns(Object.fromEntries(sides), TURNS);
    for (const name of names) measured[name] = took['raw amqplib']! / took[name]!;
    return measured;
  } finally {
    await Promise.all([...opened.values()].map((peer) => peer.close()));
    await host.remove();
  }
}
