import { describeBinding, destinationOf, fromBroker, isBound, isSameBinding, isSameRoute } from './binding.ts';
import type { BrokerState } from './broker-state.ts';
import { policyFor, queuesNamedBy, type BrokerPolicy } from './policy.ts';
import { readVersion, queueArguments, type BrokerVersion } from './queue-arguments.ts';
import { unroutedOf } from './shards.ts';
import type { Binding, Exchange, Queue, Topology } from './topology.ts';

/** One thing that stands between what the broker has and what it should have. */
export type Step =
  | { readonly do: 'create-exchange'; readonly exchange: Exchange }
  | { readonly do: 'create-queue'; readonly queue: Queue }
  | { readonly do: 'set-policy'; readonly policy: BrokerPolicy; readonly was?: BrokerPolicy }
  | { readonly do: 'bind'; readonly binding: Binding }
  /**
   * First from a queue that vanishes, which would otherwise fill up with nobody to read it; last where messages have found
   * another way meanwhile.
   */
  | {
      readonly do: 'unbind';
      readonly binding: Binding;
      readonly propertiesKey: string;
      readonly when: 'first' | 'last';
    }
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

/** The queues that a message may wait in before it comes back to the one that its routing key names. */
export const waysBack = ({ wanted, there }: PlanRequest): string[] =>
  wanted.queues
    .filter(({ name, arguments: settings }) => {
      return settings['x-dead-letter-exchange'] === '' && there.queues.some((queue) => queue.name === name);
    })
    .map(({ name }) => name);

/** What applying would do, in its order. `held` counts the messages in each vanished queue, and in each on the way back to it. */
export function planTopology(request: PlanRequest, held: ReadonlyMap<string, number>): Step[] {
  const { wanted, there } = request;
  const version = readVersion(there.version);
  const policies = (wanted.policies ?? []).map((policy) => policyFor(policy, version));
  const vanished = vanishedQueues(request);
  const unbinding = planUnbinding(request, vanished);
  const isLast = (step: Step) => step.do === 'unbind' && step.when === 'last';
  return [
    ...unbinding.filter((step) => !isLast(step)),
    ...wanted.exchanges.flatMap((exchange) => planExchange(exchange, there)),
    ...wanted.queues.flatMap((queue) => planQueue(queue, there, version, policies)),
    ...policies.flatMap((policy) => planPolicy(policy, there)),
    ...wanted.bindings.filter((binding) => !isBound(binding, there)).map((binding): Step => ({ do: 'bind', binding })),
    ...unbinding.filter(isLast),
    ...vanished.map((name) => planVanished(name, held, waysBack(request))),
  ];
}

function planExchange(exchange: Exchange, { exchanges }: BrokerState): Step[] {
  const found = exchanges.find(({ name }) => name === exchange.name);
  if (!found) return [{ do: 'create-exchange', exchange }];
  const differences = [
    ...(found.type === exchange.type ? [] : [`its type is ${found.type}, but ${exchange.type} was asked for`]),
    ...(found.durable ? [] : ['it does not survive a restart']),
    ...(found.auto_delete ? ['it deletes itself with its last binding'] : []),
    ...Object.entries(exchange.arguments ?? {})
      .filter(([name, asked]) => found.arguments[name] !== asked)
      .map(([name, asked]) => {
        return `its ${name} is ${JSON.stringify(found.arguments[name]) ?? 'not there'}, but ${asked} was asked for`;
      }),
  ];
  return differences.map((difference) => refuse(`exchange "${exchange.name}": ${difference}`));
}

function planQueue(
  queue: Queue,
  { queues }: BrokerState,
  version: BrokerVersion,
  policies: readonly BrokerPolicy[],
): Step[] {
  const found = queues.find(({ name }) => name === queue.name);
  if (!found) return [{ do: 'create-queue', queue }];
  const asked: Readonly<Record<string, unknown>> = queueArguments(queue, version);
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

/**
 * Bindings that nobody asks for any more are taken away where they were declared before; others are somebody else's. A queue
 * that was sharded, or is no more, gets the same messages by another way: the old one would bring them twice.
 */
function planUnbinding({ wanted, there, previous }: PlanRequest, vanished: readonly string[]): Step[] {
  const ours = new Set([...wanted.queues, ...wanted.exchanges].map(({ name }) => name));
  const isRing = ringsIn(wanted, there);
  return there.bindings
    .filter(({ source }) => source !== '')
    .flatMap((found): Step[] => {
      const binding = fromBroker(found);
      const { type, name } = destinationOf(binding);
      if (wanted.bindings.some((one) => isSameBinding(one, binding))) return [];
      if (wanted.bindings.some((one) => isRing(one) && isTwice(one, binding)))
        return [{ do: 'refuse', reason: twice(binding) }];
      const isReplaced = wanted.bindings.some((one) => isSameRoute(one, binding) && destinationOf(one).name === name);
      const isVanished = type === 'queue' && vanished.includes(name);
      const isDeclared = previous?.bindings.some((one) => isSameBinding(one, binding));
      if (isReplaced || isVanished || isDeclared || isRing(binding))
        return [{ do: 'unbind', binding, propertiesKey: found.properties_key, when: isVanished ? 'first' : 'last' }];
      return ours.has(name) ? [{ do: 'keep', what: `${describeBinding(binding)}: not in the topology` }] : [];
    });
}

/** Tells the bindings of a ring, which are all ours: it is wanted, or is that of a queue that is sharded no more. */
function ringsIn({ exchanges, queues }: Topology, there: BrokerState): (binding: Binding) => boolean {
  const wanted = new Set(exchanges.filter(({ type }) => type === 'x-consistent-hash').map(({ name }) => name));
  const ours = new Set(queues.map(({ name }) => name));
  const former = there.exchanges.filter(({ name, type }) => type === 'x-consistent-hash' && ours.has(name));
  const formerOnes = new Set(former.flatMap(({ name }) => [name, unroutedOf(name)]));
  return (binding) =>
    wanted.has(binding.exchange) || (formerOnes.has(binding.exchange) && ours.has(destinationOf(binding).name));
}

const isTwice = (one: Binding, other: Binding) =>
  one.exchange === other.exchange && destinationOf(one).name === destinationOf(other).name;

const twice = (binding: Binding) =>
  `${describeBinding(binding)}: this is not the weight that was asked for, and a ring loses a queue with the first of its two bindings; ` +
  'nothing was changed: take every binding of the queue to this exchange away, and apply again';

function planVanished(name: string, held: ReadonlyMap<string, number>, ways: readonly string[]): Step {
  const messages = held.get(name) ?? 0;
  if (messages > 0)
    return {
      do: 'refuse',
      reason: `queue "${name}" is no longer in the topology, but still holds ${messages} messages; nothing was changed: let its consumer finish, or move them, and apply again`,
    };
  const busy = ways.filter((way) => held.get(way));
  if (busy.length > 0)
    return {
      do: 'refuse',
      reason: `queue "${name}" is no longer in the topology, but messages in ${busy.join(', ')} may come back to it; nothing was changed: apply again when those are empty`,
    };
  return { do: 'keep', what: `queue "${name}": no longer wanted and empty; delete it when you like` };
}
