import * as z from 'zod';

import { declareTopology, TopologyError } from './declare.ts';
import { destinationOf } from './binding.ts';
import type { BrokerAccess } from '../admin/broker-access.ts';
import { readBrokerState } from './broker-state.ts';
import { withConnection } from '../open-connection.ts';
import { planTopology, vanishedQueues, waysBack, type Step } from './plan.ts';
import type { Topology } from './topology.ts';

/** Compares what the broker has with `wanted`; changes nothing. `previous` is what was declared before, where the caller knows. */
export async function readPlan({ amqpUrl, api }: BrokerAccess, wanted: Topology, previous?: Topology): Promise<Step[]> {
  const there = await readBrokerState(api);
  const request = { wanted, there, previous };
  const vanished = vanishedQueues(request);
  const toCount = vanished.length > 0 ? [...vanished, ...waysBack(request)] : [];
  return planTopology(request, await countMessages({ amqpUrl, api }, toCount));
}

/**
 * Makes what is missing, and nothing else: no queue and no message is ever deleted. Idempotent. Where anything speaks
 * against it nothing is changed, and the `TopologyError` has every reason. Gives the steps that were taken.
 */
export async function applyTopology(access: BrokerAccess, wanted: Topology, previous?: Topology): Promise<Step[]> {
  const steps = await readPlan(access, wanted, previous);
  const refusals = steps.filter((step) => step.do === 'refuse').map(({ reason }) => reason);
  if (refusals.length > 0) throw new TopologyError(refusals.join('; '));
  await carryOut(access, steps);
  return steps;
}

/**
 * Nothing is routed into a queue before its policy is there, and no queue leaves its policy before nothing is routed into it.
 * What stays is bound anew before it is unbound: no message finds no way.
 */
async function carryOut(access: BrokerAccess, steps: readonly Step[]): Promise<void> {
  const { amqpUrl, api } = access;
  const host = api.virtualHost;
  const unbind = async ({ binding, propertiesKey }: Extract<Step, { do: 'unbind' }>) => {
    const { type, name } = destinationOf(binding);
    await api.remove(['bindings', host, 'e', binding.exchange, type === 'queue' ? 'q' : 'e', name, propertiesKey]);
  };
  const unbound = steps.filter((step) => step.do === 'unbind');
  const leaving = unbound.filter(({ when }) => when === 'first');
  for (const step of leaving) await unbind(step);
  const given = new Set(leaving.map(({ binding }) => destinationOf(binding).name));
  for (const [queue, messages] of await countMessages(access, [...given]))
    if (messages > 0)
      throw new TopologyError(
        `queue "${queue}" took ${messages} messages before its bindings were gone: let its consumer finish, and apply again`,
      );

  const exchanges = steps.filter((step) => step.do === 'create-exchange').map(({ exchange }) => exchange);
  const queues = steps.filter((step) => step.do === 'create-queue').map(({ queue }) => queue);
  const bindings = steps.filter((step) => step.do === 'bind').map(({ binding }) => binding);
  if (exchanges.length + queues.length > 0) await declareTopology(amqpUrl, { exchanges, queues, bindings: [] });
  for (const { policy } of steps.filter((step) => step.do === 'set-policy'))
    await api.put(['policies', host, policy.name], policy);
  if (bindings.length > 0) await declareTopology(amqpUrl, { exchanges: [], queues: [], bindings });
  for (const step of unbound) if (step.when === 'last') await unbind(step);
}

/** What an AMQP client cannot see: messages with a consumer, returned ones that wait, and dead letters on their way. */
const notReady = z.object({
  messages_unacknowledged: z.number().default(0),
  messages_delayed: z.number().default(0),
  messages_dlx: z.number().default(0),
});

/** Messages in each queue: those ready as of now, and all others as the broker counted them up to five seconds ago. */
async function countMessages({ amqpUrl, api }: BrokerAccess, queues: readonly string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if (queues.length === 0) return counts;
  await withConnection(amqpUrl, async (connection) => {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    for (const queue of queues) {
      const { messageCount: ready } = await channel.checkQueue(queue);
      const counted = await api.get(['queues', api.virtualHost, queue], notReady);
      counts.set(queue, ready + counted.messages_unacknowledged + counted.messages_delayed + counted.messages_dlx);
    }
  });
  return counts;
}
