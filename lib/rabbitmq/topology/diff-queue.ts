import { policyOf, type BrokerState } from './broker-state.ts';
import {
  liftsDeliveryLimit,
  queueArguments,
  queuesNamedBy,
  readVersion,
  type BrokerPolicy,
  type BrokerVersion,
} from './by-version.ts';
import { shown, type Difference } from './difference.ts';
import type { Queue } from './topology.ts';

const IMMUTABLE = 'Immutable: drain and delete the queue, then apply again';

export function queueDifferences(queue: Queue, actual: BrokerState, policies: readonly BrokerPolicy[]): Difference[] {
  const subject = `queue "${queue.name}"`;
  const found = actual.queues.find(({ name }) => name === queue.name);
  const byOperator = (problem: string, instruction: string, losesMessages = true): Difference => {
    return { subject, problem, losesMessages, fix: { by: 'operator', instruction } };
  };
  const conflicts = policyConflicts(queue, actual, policies).map(({ problem, instruction }) =>
    byOperator(problem, instruction),
  );
  if (!found) {
    const fix = { by: 'apply', change: { do: 'create-queue', queue } } as const;
    return [{ subject, problem: 'is missing', losesMessages: true, fix }, ...conflicts];
  }
  return [
    ...(found.type === 'quorum'
      ? []
      : [`is a ${found.type} queue, not a quorum queue: its messages are lost with the node that holds them`]),
    ...(found.durable && !found.auto_delete
      ? []
      : ['is deleted by a restart of the broker, or with its last consumer']),
  ]
    .map((problem) => byOperator(problem, IMMUTABLE))
    .concat(
      argumentDifferences(queue, found.arguments, actual, policies).map(({ problem, losesMessages }) =>
        byOperator(problem, IMMUTABLE, losesMessages),
      ),
      conflicts,
    );
}

function argumentDifferences(
  queue: Queue,
  found: Readonly<Record<string, unknown>>,
  actual: BrokerState,
  policies: readonly BrokerPolicy[],
) {
  const version = readVersion(actual.version);
  const declared: Readonly<Record<string, unknown>> = queueArguments(queue, version);
  // A queue that was declared on RabbitMQ 3 has no argument for the delivery limit. On RabbitMQ 4, the policy removes the
  // limit.
  const isLifted = policies.some(
    (policy) => policy.definition['delivery-limit'] === -1 && queuesNamedBy(policy).includes(queue.name),
  );
  return [...new Set([...Object.keys(declared), ...Object.keys(found)])]
    .toSorted()
    .filter((name) => name !== 'x-queue-type' && declared[name] !== found[name])
    .filter((name) => !(name === 'x-delivery-limit' && isLifted && found[name] === undefined))
    .map((name) => {
      const consequence = consequenceOf(name, found[name], declared, actual, version);
      const problem = `has ${name} ${shown(found[name])}, declared is ${shown(declared[name])}`;
      return {
        problem: consequence ? `${problem}: ${consequence}` : problem,
        losesMessages: consequence !== undefined,
      };
    });
}

function consequenceOf(
  name: string,
  value: unknown,
  declared: Readonly<Record<string, unknown>>,
  { exchanges }: BrokerState,
  version: BrokerVersion,
): string | undefined {
  switch (name) {
    case 'x-overflow':
      return OVERFLOW;
    case 'x-dead-letter-exchange':
      if (declared[name] === undefined) return undefined;
      if (value === undefined) return 'a message that expires or is returned too often is dropped';
      return value === '' || exchanges.some((exchange) => exchange.name === value)
        ? 'its dead letters go where nothing reads them'
        : 'this exchange does not exist, so its dead letters are dropped';
    case 'x-dead-letter-strategy':
      return 'a dead letter is dropped if its target queue is full or a node fails';
    case 'x-message-ttl':
      return value === undefined ? 'its messages never return to their work queue' : EXPIRY;
    case 'x-expires':
      return SELF_DELETION;
    case 'x-delivery-limit':
      return value === undefined || isHarmful(value, version) ? limitConsequence(value, version) : undefined;
    default:
      return undefined;
  }
}

const OVERFLOW = 'a full queue drops messages';
const EXPIRY = 'messages expire too early';
const SELF_DELETION = 'an unused queue is deleted with its messages';

const isHarmful = (limit: unknown, version: BrokerVersion) =>
  typeof limit === 'number' && (limit >= 0 || !liftsDeliveryLimit(version));

const limitConsequence = (limit: unknown, version: BrokerVersion) =>
  typeof limit === 'number' && limit < 0 && !liftsDeliveryLimit(version)
    ? 'RabbitMQ 3 drops every message that is returned'
    : 'a batch that keeps failing removes its other messages from the queue';

function policyConflicts({ name, arguments: declared }: Queue, actual: BrokerState, policies: readonly BrokerPolicy[]) {
  const version = readVersion(actual.version);
  const ours = policies.find((policy) => queuesNamedBy(policy).includes(name));
  const others = actual.policies.filter((policy) => !policies.some((one) => one.name === policy.name));
  const policy = policyOf(name, [...policies, ...others]);
  const operator = policyOf(name, actual.operatorPolicies);
  const conflicts: { problem: string; instruction: string }[] = [];
  if (ours && policy && policy !== ours)
    conflicts.push({
      problem: `follows the policy "${policy.name}" (priority ${policy.priority}) instead of "${ours.name}" (priority ${ours.priority})`,
      instruction: `Delete the policy "${policy.name}", or exclude this queue from its pattern`,
    });
  const inForce = [
    ...(policy && policy !== ours ? [{ kind: 'policy', policy }] : []),
    ...(operator ? [{ kind: 'operator policy', policy: operator }] : []),
  ];
  for (const { kind, policy: conflicting } of inForce) {
    const { overflow, expires, 'delivery-limit': limit, 'message-ttl': ttlMs } = conflicting.definition;
    const instruction = `Change the ${kind} "${conflicting.name}"`;
    const source = `(${kind} "${conflicting.name}")`;
    const conflict = (problem: string, consequence: string) =>
      conflicts.push({ problem: `${problem} ${source}: ${consequence}`, instruction });
    if (overflow !== undefined && overflow !== 'reject-publish') conflict(`has overflow ${shown(overflow)}`, OVERFLOW);
    if (isHarmful(limit, version))
      conflict(`has a delivery limit of ${String(limit)}`, limitConsequence(limit, version));
    if (typeof ttlMs === 'number' && ttlMs < Number(declared['x-message-ttl'] ?? Number.POSITIVE_INFINITY))
      conflict(`has a message TTL of ${ttlMs} ms`, EXPIRY);
    if (expires !== undefined) conflict(`expires after ${shown(expires)} ms`, SELF_DELETION);
  }
  return conflicts;
}
