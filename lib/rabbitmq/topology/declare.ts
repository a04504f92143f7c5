import type { Channel, ChannelModel } from 'amqplib';

import { describeError } from '../../runtime/errors.ts';
import { withConnection } from '../open-connection.ts';
import { queueArguments, readVersion } from './by-version.ts';
import { describeBinding, destinationOf, type Topology } from './topology.ts';

/** Thrown when the broker differs from the topology in a way that only an operator can change. */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';
}

/**
 * Declares exchanges, queues and bindings over AMQP, without policies. Throws a `TopologyError` if a queue or exchange
 * exists with different settings, and leaves it unchanged.
 */
export async function declareTopology(amqpUrl: string, topology: Topology): Promise<void> {
  await withConnection(amqpUrl, async (connection) => {
    const version = readVersion(connection.connection.serverProperties.version);
    for (const { name, type, arguments: settings } of topology.exchanges)
      await declare(connection, `exchange "${name}"`, (channel) =>
        channel.assertExchange(name, type, { durable: true, arguments: settings }),
      );
    for (const queue of topology.queues)
      await declare(connection, `queue "${queue.name}"`, (channel) =>
        channel.assertQueue(queue.name, { durable: true, arguments: queueArguments(queue, version) }),
      );
    for (const binding of topology.bindings)
      await declare(connection, describeBinding(binding), (channel) => {
        const { exchange, routingKey } = binding;
        const { type, name } = destinationOf(binding);
        return type === 'queue'
          ? channel.bindQueue(name, exchange, routingKey)
          : channel.bindExchange(name, exchange, routingKey);
      });
  });
}

/**
 * Declares one exchange, queue or binding on a separate AMQP channel, because the broker closes the channel if it
 * rejects the declaration.
 */
async function declare(
  connection: ChannelModel,
  subject: string,
  run: (channel: Channel) => Promise<unknown>,
): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  try {
    await run(channel);
  } catch (error) {
    throw new TopologyError(subject + explain(describeError(error).message), { cause: error });
  }
  await channel.close();
}

function explain(refusal: string): string {
  const [, argument, declared, found] =
    /inequivalent arg '([^']+)' for \w+ .*?: received (.*?) but current is (.*?)"?$/.exec(refusal) ?? [];
  if (!argument) return `: ${refusal}`;
  return ` has ${argument} ${found}, declared is ${declared}. Immutable: drain and delete it, then apply again`;
}
