import type { Channel, ChannelModel } from 'amqplib';

import { describeError } from '../../runtime/errors.ts';
import { describeBinding, destinationOf } from './binding.ts';
import { withConnection } from '../open-connection.ts';
import { queueArguments, readVersion } from './queue-arguments.ts';
import type { Topology } from './topology.ts';

/** The broker has a queue or an exchange of this name with other settings; nothing was changed or deleted. */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';
}

/** Declares everything in `topology` that is not there yet. Idempotent; what exists with other settings is a `TopologyError`. */
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

/** A refused declaration closes its channel, so each has its own. */
async function declare(
  connection: ChannelModel,
  what: string,
  run: (channel: Channel) => Promise<unknown>,
): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  try {
    await run(channel);
  } catch (error) {
    throw new TopologyError(`${what}: ${explain(describeError(error).message)}`, { cause: error });
  }
  await channel.close();
}

/** Turns the broker's refusal into: which setting, what is there, what was asked. */
function explain(refusal: string): string {
  const [, argument, , asked, there] =
    /inequivalent arg '([^']+)' for (\w+) .*?: received (.*?) but current is (.*?)"?$/.exec(refusal) ?? [];
  if (!argument) return refusal;
  return `its ${argument} is ${there}, but ${asked} was asked for; nothing was changed: use another name, or drain and delete it yourself`;
}
