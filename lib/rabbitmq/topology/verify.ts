import { TopologyError } from './declare.ts';
import { describeBinding, fromBroker, isBound } from './binding.ts';
import { readBrokerState, type BrokerState } from './broker-state.ts';
import type { ManagementApi } from '../admin/management-api.ts';
import { policyFor, policyOf, type BrokerPolicy } from './policy.ts';
import { liftsDeliveryLimit, readVersion, type BrokerVersion } from './queue-arguments.ts';
import type { Queue, Topology } from './topology.ts';

/** A setting of the broker by which messages would be lost. */
export interface Finding {
  readonly subject: string;
  readonly problem: string;
  readonly mend: string;
}

const APPLY = 'apply the topology';
const RECREATE = 'nobody can change that: drain the queue, delete it, and apply the topology';

/** Names every setting that would lose messages; none is what a broker should have before anything starts. */
export function verifyTopology(wanted: Topology, there: BrokerState): Finding[] {
  const version = readVersion(there.version);
  const policies = (wanted.policies ?? []).map((policy) => policyFor(policy, version));
  return [
    ...wanted.exchanges.flatMap(({ name, type, arguments: settings = {} }): Finding[] => {
      const found = there.exchanges.find((exchange) => exchange.name === name);
      const finding = (problem: string, mend = 'delete it when nothing publishes, and apply the topology') => [
        { subject: `exchange "${name}"`, problem, mend },
      ];
      if (!found)
        return finding('is missing: whatever is published or dead-lettered to it is refused or dropped', APPLY);
      if (found.type !== type) return finding(`is a ${found.type}, not a ${type}: it routes messages elsewhere`);
      if (!found.durable) return finding('is not durable: a restart of the broker takes it and its bindings away');
      if (found.auto_delete) return finding('deletes itself with its last binding');
      const other = Object.keys(settings).find((setting) => found.arguments[setting] !== settings[setting]);
      return other ? finding(`has another ${other} than ${settings[other]}: it routes messages elsewhere`) : [];
    }),
    ...wanted.queues.flatMap((queue) => findingsOf(queue, there, version, policies)),
    ...wanted.bindings
      .filter((binding) => !isBound(binding, there))
      .map((binding) => ({
        subject: describeBinding(binding),
        problem: 'is missing: these messages do not reach the queue',
        mend: APPLY,
      })),
    ...strayShards(wanted, there),
  ];
}

/** A ring gives each message to one of its queues only: another's among them takes a share away. */
function strayShards({ exchanges, queues }: Topology, { bindings }: BrokerState): Finding[] {
  const rings = new Set(exchanges.filter(({ type }) => type === 'x-consistent-hash').map(({ name }) => name));
  const ours = new Set(queues.map(({ name }) => name));
  return bindings
    .filter(({ source, destination }) => rings.has(source) && !ours.has(destination))
    .map((binding) => ({
      subject: describeBinding(fromBroker(binding)),
      problem: 'takes a share of the messages to where nobody looks',
      mend: APPLY,
    }));
}

/** Reads the broker's settings; throws a `TopologyError` that names each by which messages would be lost. */
export async function requireSafe(api: ManagementApi, wanted: Topology): Promise<void> {
  const findings = verifyTopology(wanted, await readBrokerState(api));
  if (findings.length > 0)
    throw new TopologyError(`messages would be lost: ${findings.map(describeFinding).join('; ')}`);
}

/** A finding as one line. */
export const describeFinding = ({ subject, problem, mend }: Finding): string => `${subject} ${problem}; ${mend}`;

function findingsOf(
  { name, arguments: wanted }: Queue,
  there: BrokerState,
  version: BrokerVersion,
  policies: readonly BrokerPolicy[],
): Finding[] {
  const findings: Finding[] = [];
  const find = (problem: string, mend: string) => void findings.push({ subject: `queue "${name}"`, problem, mend });
  const found = there.queues.find((queue) => queue.name === name);
  if (!found) return [{ subject: `queue "${name}"`, problem: 'is missing', mend: APPLY }];
  if (found.type !== 'quorum')
    find(`is a ${found.type} queue, not a quorum queue: a lost node takes its messages along`, RECREATE);
  if (!found.durable || found.auto_delete) find('does not outlive a restart, or its last consumer', RECREATE);

  const policy = policyOf(name, there.policies);
  const operator = policyOf(name, there.operatorPolicies);
  const ours = policies.find(({ pattern }) => new RegExp(pattern).test(name));
  if (ours && policy?.name !== ours.name)
    find(
      policy
        ? `follows the policy "${policy.name}" (priority ${policy.priority}) instead of "${ours.name}" (priority ${ours.priority})`
        : `does not follow the policy "${ours.name}", so that any other may change its settings`,
      policy && there.policies.some(({ name }) => name === ours.name)
        ? `delete the policy "${policy.name}", or keep it from this queue`
        : APPLY,
    );

  const argument = (setting: string) => found.arguments[`x-${setting}`];
  const source = (setting: string) => {
    for (const [kind, { name, definition }] of Object.entries({
      ...(operator && { 'operator policy': operator }),
      ...(policy && { policy }),
    }))
      if (definition[setting] !== undefined)
        return { text: ` (${kind} "${name}")`, mend: `change the ${kind} "${name}"` };
    return { text: '', mend: RECREATE };
  };
  /** The least of what arguments and policies say. */
  const least = (setting: string): number | undefined => {
    const said = [argument(setting), policy?.definition[setting], operator?.definition[setting]];
    const limits = said.filter((limit) => typeof limit === 'number');
    return limits.length > 0 ? Math.min(...limits) : undefined;
  };

  // A policy's overflow beats the queue's argument; for the dead-letter settings it is the other way round.
  const overflow = policy?.definition['overflow'] ?? argument('overflow') ?? 'drop-head';
  if (overflow !== 'reject-publish')
    find(
      `has overflow ${JSON.stringify(overflow).replaceAll('"', '')}${source('overflow').text}: when it is full it drops messages`,
      source('overflow').mend,
    );

  if (wanted['x-dead-letter-exchange'] !== undefined) {
    const exchange = argument('dead-letter-exchange') ?? policy?.definition['dead-letter-exchange'];
    if (typeof exchange !== 'string')
      find('has no dead-letter exchange: what expires, or is returned too often, is dropped', RECREATE);
    else if (exchange !== '' && !there.exchanges.some(({ name }) => name === exchange))
      find(`dead-letters to "${exchange}", which is not there: dead letters are dropped`, APPLY);
    else if (exchange !== wanted['x-dead-letter-exchange'])
      find(`dead-letters to "${exchange}", where nobody looks`, RECREATE);
    const strategy = argument('dead-letter-strategy') ?? policy?.definition['dead-letter-strategy'] ?? 'at-most-once';
    if (strategy !== 'at-least-once')
      find(
        `dead-letters ${JSON.stringify(strategy).replaceAll('"', '')}: a dead letter that meets a full queue or a lost node is dropped`,
        RECREATE,
      );
  }

  const limit = deliveryLimit(
    [argument('delivery-limit'), policy?.definition['delivery-limit'], operator?.definition['delivery-limit']],
    version,
  );
  if (limit !== undefined) {
    const { text, mend } = source('delivery-limit');
    find(
      limit < 0
        ? `has a delivery limit of ${limit}${text}, which RabbitMQ 3 takes to mean none is allowed: the first return drops the message`
        : `has a delivery limit of ${limit}${text}: a batch that keeps failing takes its neighbours out of the queue`,
      ours && !text ? APPLY : mend,
    );
  }

  const ttlMs = least('message-ttl');
  if (ttlMs !== undefined && ttlMs !== wanted['x-message-ttl'])
    find(`lets messages expire after ${ttlMs} ms${source('message-ttl').text}`, source('message-ttl').mend);
  const expiresMs = least('expires');
  if (expiresMs !== undefined)
    find(
      `deletes itself, and what it holds, when unused for ${expiresMs} ms${source('expires').text}`,
      source('expires').mend,
    );
  return findings;
}

/** The limit in force, where there is one: RabbitMQ 4 has one of 20 where nobody says otherwise, and a positive one beats -1. */
function deliveryLimit(said: readonly unknown[], version: BrokerVersion): number | undefined {
  const limits = said.filter((limit) => typeof limit === 'number');
  if (!liftsDeliveryLimit(version)) return limits.length > 0 ? Math.min(...limits) : undefined;
  const positive = limits.filter((limit) => limit >= 0);
  if (positive.length > 0) return Math.min(...positive);
  return limits.length > 0 ? undefined : 20;
}
