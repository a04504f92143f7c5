import * as z from 'zod';

import type { BrokerAccess } from '../management/management-api.ts';
import { withConnection } from '../open-connection.ts';
import { unbind } from './apply.ts';
import { fromBroker, readBrokerState } from './broker-state.ts';
import { policyFor, readVersion } from './by-version.ts';
import { declareTopology, TopologyError } from './declare.ts';
import { RETIRED_POLICY, retiredPolicy } from './define.ts';
import type { DiffInput } from './difference.ts';
import {
  countMessages,
  delayQueuesOf,
  isDelayQueue,
  isRetiredOnBroker,
  retiredQueues,
  whyNotRemovable,
  type RetiredQueue,
} from './retired.ts';
import type { Topology } from './topology.ts';

/** How long to wait for current message counts, in ms. The broker updates its message counts every five seconds. */
const FIGURES_MS = 11_000;

/**
 * Deletes a retired queue. Throws a `TopologyError` if the queue is not retired, has a consumer, contains a message, or
 * may still receive a message.
 */
export async function removeRetiredQueue(
  access: BrokerAccess,
  declared: Topology,
  name: string,
  figuresMs = FIGURES_MS,
): Promise<void> {
  const input = { declared, actual: await readBrokerState(access.api) };
  const retired = retiredQueues(input);
  const queue = retired.find((one) => one.name === name);
  if (!queue) {
    const known = retired.map((one) => one.name).join(', ') || 'none';
    throw new TopologyError(`queue "${name}" is not a retired queue of this service; retired queues: ${known}`);
  }
  if (!isRetiredOnBroker(input, name))
    throw refusal(name, 'the topology that was applied last still uses it: apply the topology without the queue first');
  await requireRemovable(access, input, queue);
  const foreign = input.actual.bindings.find(({ source, destination }) => source === name && destination !== name);
  if (foreign && isDelayQueue(queue))
    throw refusal(name, `its exchange also routes to "${foreign.destination}": remove that binding, then try again`);
  // RabbitMQ cannot delete a quorum queue on the condition that it is empty. Its bindings are therefore removed first, so
  // that no further messages arrive.
  const removed = input.actual.bindings.filter(
    ({ source, destination, destination_type: type }) => source !== '' && type === 'queue' && destination === name,
  );
  const bindings = removed.map(fromBroker);
  for (const found of removed)
    await unbind(access, { binding: fromBroker(found), propertiesKey: found.properties_key });
  try {
    await new Promise((resolve) => setTimeout(resolve, figuresMs));
    await requireRemovable(access, input, queue);
  } catch (error) {
    await declareTopology(access.amqpUrl, { exchanges: [], queues: [], bindings });
    throw error;
  }
  await withConnection(access.amqpUrl, async (connection) => {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    if (isDelayQueue(queue)) await channel.deleteExchange(name, { ifUnused: true });
    await channel.deleteQueue(name);
  });
  await forget(
    access,
    input,
    retired.filter((one) => one !== queue),
  );
}

const refusal = (queue: string, reason: string) => new TopologyError(`queue "${queue}" was not removed: ${reason}`);

const consumers = z.object({ consumers: z.number().default(0) });

async function requireRemovable(access: BrokerAccess, input: DiffInput, queue: RetiredQueue): Promise<void> {
  const { name } = queue;
  const found = await access.api.get(['queues', access.api.virtualHost, name], consumers);
  if (found.consumers > 0) {
    const what = found.consumers === 1 ? '1 consumer: stop it' : `${found.consumers} consumers: stop them`;
    throw refusal(name, `it has ${what}, then try again`);
  }
  // Delay queues first, so that a message that moves from one of them while counting is counted twice rather than never.
  const counted = new Set([...delayQueuesOf(input, retiredQueues(input)), name]);
  const reason = whyNotRemovable(queue, input, await countMessages(access, [...counted]));
  if (reason) throw refusal(name, `${reason}: try again when these messages are gone`);
}

async function forget({ api }: BrokerAccess, { actual }: DiffInput, left: readonly RetiredQueue[]): Promise<void> {
  const path = ['policies', api.virtualHost, RETIRED_POLICY];
  if (left.length === 0) await api.remove(path);
  else await api.put(path, policyFor(retiredPolicy(left.map(({ name }) => name)), readVersion(actual.version)));
}
