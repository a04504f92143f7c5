import { bindingDifferences } from './diff-bindings.ts';
import { queueDifferences } from './diff-queue.ts';
import { isBound, type BrokerState } from './broker-state.ts';
import { changedSettings, policyFor, queuesNamedBy, readVersion, type BrokerPolicy } from './by-version.ts';
import { shown, type Difference, type DiffInput, type Fix } from './difference.ts';
import { RETIRED_POLICY, retiredPolicy } from './define.ts';
import { retiredDifference, retiredQueues, type HeldMessages } from './retired.ts';
import { describeBinding, type Binding, type Exchange } from './topology.ts';

/**
 * Returns all differences between the broker and the declared topology, in the order in which `applyTopology` fixes
 * them. `held` contains the number of messages in each retired queue.
 */
export function diffTopology(input: DiffInput, held: HeldMessages): Difference[] {
  const { declared, actual } = input;
  const version = readVersion(actual.version);
  const retired = retiredQueues(input);
  const policies = [
    ...(retired.length > 0 ? [retiredPolicy(retired.map(({ name }) => name))] : []),
    ...(declared.policies ?? []),
  ].map((policy) => policyFor(policy, version));
  const bindings = bindingDifferences(input, retired);
  const isFirst = ({ fix }: Difference) =>
    fix.by === 'apply' && fix.change.do === 'unbind' && fix.change.when === 'first';
  return [
    ...bindings.filter(isFirst),
    ...declared.exchanges.flatMap((exchange) => exchangeDifferences(exchange, actual)),
    ...declared.queues.flatMap((queue) => queueDifferences(queue, actual, policies)),
    ...policies.flatMap((policy) => policyDifferences(policy, actual)),
    ...unusedRetiredPolicy(policies, actual),
    ...declared.bindings.filter((binding) => !isBound(binding, actual)).map(missingBinding),
    ...bindings.filter((difference) => !isFirst(difference)),
    ...retired.map((queue) => retiredDifference(queue, input, held)),
  ];
}

const missingBinding = (binding: Binding): Difference => ({
  subject: describeBinding(binding),
  problem: 'is missing: its messages do not reach the queue',
  losesMessages: true,
  fix: { by: 'apply', change: { do: 'bind', binding } },
});

function exchangeDifferences(exchange: Exchange, { exchanges }: BrokerState): Difference[] {
  const { name, type, arguments: settings = {} } = exchange;
  const subject = `exchange "${name}"`;
  const found = exchanges.find((one) => one.name === name);
  if (!found) {
    const problem = 'is missing: the broker refuses or drops what is published or dead-lettered to it';
    return [
      { subject, problem, losesMessages: true, fix: { by: 'apply', change: { do: 'create-exchange', exchange } } },
    ];
  }
  const instruction = 'Immutable: delete the exchange while nothing publishes to it, then apply again';
  return [
    ...(found.type === type ? [] : [`has type ${found.type}, declared is ${type}: it routes messages elsewhere`]),
    ...(found.durable ? [] : ['is not durable: a restart of the broker removes it and its bindings']),
    ...(found.auto_delete ? ['is deleted together with its last binding'] : []),
    ...Object.entries(settings)
      .filter(([key, value]) => found.arguments[key] !== value)
      .map(
        ([key, value]) =>
          `has ${key} ${shown(found.arguments[key])}, declared is ${value}: it routes messages elsewhere`,
      ),
  ].map((problem) => ({ subject, problem, losesMessages: true, fix: { by: 'operator', instruction } }));
}

/** The policy settings that can make a queue lose messages. */
const LOSSY = new Set([
  'overflow',
  'delivery-limit',
  'message-ttl',
  'expires',
  'dead-letter-exchange',
  'dead-letter-strategy',
]);

function policyDifferences(policy: BrokerPolicy, { policies }: BrokerState): Difference[] {
  const was = policies.find(({ name }) => name === policy.name);
  const subject = `policy "${policy.name}"`;
  const fix: Fix = { by: 'apply', change: { do: 'set-policy', policy, was } };
  const isRetired = policy.name === RETIRED_POLICY;
  if (!was) {
    const problem = 'is missing: any other policy may change the settings of its queues';
    return [{ subject, problem, losesMessages: !isRetired, fix }];
  }
  const changed = changedSettings(was, policy);
  if (changed.length === 0) return [];
  const named = new Set(queuesNamedBy(was));
  const misses = queuesNamedBy(policy).some((queue) => !named.has(queue));
  const losesMessages =
    !isRetired && (misses || was.priority < policy.priority || changed.some((key) => LOSSY.has(key)));
  return [{ subject, problem: `differs in ${changed.join(', ')}`, losesMessages, fix }];
}

const unusedRetiredPolicy = (policies: readonly BrokerPolicy[], actual: BrokerState): Difference[] =>
  !policies.some(({ name }) => name === RETIRED_POLICY) && actual.policies.some(({ name }) => name === RETIRED_POLICY)
    ? [
        {
          subject: `policy "${RETIRED_POLICY}"`,
          problem: 'applies to no queue any more',
          losesMessages: false,
          fix: { by: 'apply', change: { do: 'remove-policy', name: RETIRED_POLICY } },
        },
      ]
    : [];
