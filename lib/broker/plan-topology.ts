import type { BrokerState } from './broker-state.ts';
import { policyFor, queuesNamedBy, type BrokerPolicy } from './policy.ts';
import { majorVersion, queueArguments } from './queue-arguments.ts';
import type { Binding, Exchange, Queue, Topology } from './topology.ts';

/** One thing that stands between what the broker has and what it should have. */
export type Step =
  | { readonly do: 'create-exchange'; readonly exchange: Exchange }
  | { readonly do: 'create-queue'; readonly queue: Queue }
  | { readonly do: 'set-policy'; readonly policy: BrokerPolicy; readonly was?: BrokerPolicy }
  | { readonly do: 'bind'; readonly binding: Binding }
  /** The queue would otherwise fill up, with nobody to read it. */
  | { readonly do: 'unbind'; readonly binding: Binding; readonly propertiesKey: string }
  /** Left as it is. */
  | { readonly do: 'keep'; readonly what: string }
  | { readonly do: 'refuse'; readonly reason: string };

export interface PlanRequest {
  readonly wanted: Topology;
  readonly there: BrokerState;
  /** What was declared before, as far as the caller knows; the broker's policies tell of it too. */
  readonly previous?: Topology;
}

/** The queues of the last declaration that are there still, but no longer wanted. */
export function vanishedQueues({ wanted, there, previous }: PlanRequest): string[] {
  const declared = new Set(previous?.queues.map(({ name }) => name));
  for (const { name } of wanted.policies ?? [])
    for (const policy of there.policies.filter((known) => known.name === name))
      for (const queue of queuesNamedBy(policy)) declared.add(queue);
  const isWanted = new Set(wanted.queues.map(({ name }) => name));
  return there.queues.map(({ name }) => name).filter((name) => declared.has(name) && !isWanted.has(name));
}

/** What applying would do, in its order. `held` counts the messages in each vanished queue. */
export function planTopology(request: PlanRequest, held: ReadonlyMap<string, number>): Step[] {
  const { wanted, there, previous } = request;
  const major = majorVersion(there.version);
  const policies = (wanted.policies ?? []).map((policy) => policyFor(policy, major));
  const vanished = vanishedQueues(request);
  return [
    ...planUnbinding(wanted, there, vanished, previous),
    ...wanted.exchanges.flatMap((exchange) => planExchange(exchange, there)),
    ...wanted.queues.flatMap((queue) => planQueue(queue, there, major, policies)),
    ...policies.flatMap((policy) => planPolicy(policy, there)),
    ...wanted.bindings.filter((binding) => !isBound(binding, there)).map((binding): Step => ({ do: 'bind', binding })),
    ...vanished.map((name) => planVanished(name, held.get(name) ?? 0)),
  ];
}

function planExchange(exchange: Exchange, { exchanges }: BrokerState): Step[] {
  const found = exchanges.find(({ name }) => name === exchange.name);
  if (!found) return [{ do: 'create-exchange', exchange }];
  const differences = [
    ...(found.type === exchange.type ? [] : [`its type is ${found.type}, but ${exchange.type} was asked for`]),
    ...(found.durable ? [] : ['it does not survive a restart']),
    ...(found.auto_delete ? ['it deletes itself with its last binding'] : []),
  ];
  return differences.map((difference) => refuse(`exchange "${exchange.name}": ${difference}`));
}

function planQueue(queue: Queue, { queues }: BrokerState, major: number, policies: readonly BrokerPolicy[]): Step[] {
  const found = queues.find(({ name }) => name === queue.name);
  if (!found) return [{ do: 'create-queue', queue }];
  const asked: Readonly<Record<string, unknown>> = queueArguments(queue, major);
  // A queue from RabbitMQ 3 has no delivery limit among its arguments, which nobody can change: the policy lifts it.
  const isLifted = policies.some(
    (policy) => policy.definition['delivery-limit'] === -1 && queuesNamedBy(policy).includes(queue.name),
  );
  const names = [...new Set([...Object.keys(asked), ...Object.keys(found.arguments)])].toSorted();
  return names
    .filter((name) => asked[name] !== found.arguments[name])
    .filter((name) => !(name === 'x-delivery-limit' && isLifted && found.arguments[name] === undefined))
    .map((name) => {
      const [is, was] = [found.arguments[name] ?? 'not there', asked[name] ?? 'none'].map(String);
      return refuse(`queue "${queue.name}": its ${name} is ${is}, but ${was} was asked for`);
    });
}

const refuse = (fault: string): Step => ({
  do: 'refuse',
  reason: `${fault}; nothing was changed: use another name, or drain and delete it yourself`,
});

function planPolicy(policy: BrokerPolicy, { policies }: BrokerState): Step[] {
  const was = policies.find(({ name }) => name === policy.name);
  return was && isSame(was, policy) ? [] : [{ do: 'set-policy', policy, was }];
}

const isSame = (one: BrokerPolicy, other: BrokerPolicy) =>
  (['pattern', 'priority', 'apply-to'] as const).every((key) => one[key] === other[key]) &&
  canonical(one.definition) === canonical(other.definition);

const canonical = (definition: Readonly<Record<string, unknown>>) =>
  JSON.stringify(Object.entries(definition).toSorted(([one], [other]) => (one < other ? -1 : 1)));

/** Whether the broker routes by this binding now. */
export const isBound = (binding: Binding, { bindings }: BrokerState): boolean =>
  bindings.some(
    ({ source, destination, destination_type: type, routing_key: key }) =>
      type === 'queue' && source === binding.exchange && destination === binding.queue && key === binding.routingKey,
  );

/** Bindings that nobody asks for any more are taken away where they were declared before; others are somebody else's. */
function planUnbinding(
  wanted: Topology,
  { bindings }: BrokerState,
  vanished: readonly string[],
  previous: Topology | undefined,
): Step[] {
  const ours = new Set(wanted.queues.map(({ name }) => name));
  const isIn = (list: readonly Binding[], { exchange, queue, routingKey }: Binding) =>
    list.some((one) => one.exchange === exchange && one.queue === queue && one.routingKey === routingKey);
  return bindings
    .filter(({ source, destination_type: type }) => source !== '' && type === 'queue')
    .flatMap(
      ({ source: exchange, destination: queue, routing_key: routingKey, properties_key: propertiesKey }): Step[] => {
        const binding = { exchange, queue, routingKey };
        const isOld = vanished.includes(queue) || isIn(previous?.bindings ?? [], binding);
        if (isIn(wanted.bindings, binding) || !(isOld || ours.has(queue))) return [];
        if (!isOld) return [{ do: 'keep', what: `${describeBinding(binding)}: not in the topology` }];
        return [{ do: 'unbind', binding, propertiesKey }];
      },
    );
}

function planVanished(name: string, messages: number): Step {
  if (messages === 0)
    return { do: 'keep', what: `queue "${name}": no longer wanted and empty; delete it when you like` };
  return {
    do: 'refuse',
    reason: `queue "${name}" is no longer in the topology, but still holds ${messages} messages; nothing was changed: let its consumer finish, or move them, and apply again`,
  };
}

/** A binding as a person reads it. */
export const describeBinding = ({ exchange, queue, routingKey }: Binding): string =>
  `binding ${exchange} → ${queue}${routingKey && ` [${routingKey}]`}`;
