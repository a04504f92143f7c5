import type { BrokerAccess } from '../management/management-api.ts';
import { readBrokerState } from './broker-state.ts';
import { declareTopology, TopologyError } from './declare.ts';
import { faultLine } from './describe.ts';
import { diffTopology } from './diff.ts';
import type { BrokerChange, Difference } from './difference.ts';
import { countMessages, delayQueuesOf, retiredQueues } from './retired.ts';
import { destinationOf, type Topology } from './topology.ts';

/**
 * Returns how the broker differs from the topology `declared`. `previous` is the topology that was applied before, if
 * known.
 */
export async function readDiff(access: BrokerAccess, declared: Topology, previous?: Topology): Promise<Difference[]> {
  const input = { declared, actual: await readBrokerState(access.api), previous };
  const retired = retiredQueues(input);
  const counted = retired.length > 0 ? [...retired.map(({ name }) => name), ...delayQueuesOf(input, retired)] : [];
  return diffTopology(input, await countMessages(access, [...new Set(counted)]));
}

/**
 * Changes the broker to match the topology `declared`, without deleting a queue or a message. Throws a `TopologyError`,
 * and changes nothing, if a difference needs an operator.
 */
export async function applyTopology(
  access: BrokerAccess,
  declared: Topology,
  previous?: Topology,
): Promise<Difference[]> {
  const differences = await readDiff(access, declared, previous);
  const leftToOperator = differences.filter(({ fix }) => fix.by === 'operator');
  const reasons = leftToOperator.map(faultLine).join('; ');
  if (leftToOperator.length > 0)
    throw new TopologyError(
      `nothing was changed on the broker, because an operator must first correct these differences: ${reasons}`,
    );
  await makeChanges(
    access,
    differences.flatMap(({ fix }) => (fix.by === 'apply' ? [fix.change] : [])),
  );
  return differences;
}

/**
 * Throws a `TopologyError` if the broker differs from the topology in a way that can lose messages. The error lists all
 * such differences.
 */
export async function requireSafe(access: BrokerAccess, declared: Topology): Promise<void> {
  const faults = (await readDiff(access, declared)).filter(({ losesMessages }) => losesMessages);
  const wrongSettings = faults.map(faultLine).join('; ');
  if (faults.length > 0)
    throw new TopologyError(`messages could be lost, because the broker differs from the topology: ${wrongSettings}`);
}

/** Changes the broker in an order that always keeps a route for every message. */
async function makeChanges(access: BrokerAccess, changes: readonly BrokerChange[]): Promise<void> {
  const { amqpUrl, api } = access;
  const host = api.virtualHost;
  const unbindings = changes.filter((change) => change.do === 'unbind');
  const first = unbindings.filter(({ when }) => when === 'first');
  for (const change of first) await unbind(access, change);
  await requireEmpty(access, [...new Set(first.map(({ binding }) => destinationOf(binding).name))]);

  const exchanges = changes.filter((change) => change.do === 'create-exchange').map(({ exchange }) => exchange);
  const queues = changes.filter((change) => change.do === 'create-queue').map(({ queue }) => queue);
  const bindings = changes.filter((change) => change.do === 'bind').map(({ binding }) => binding);
  if (exchanges.length + queues.length > 0) await declareTopology(amqpUrl, { exchanges, queues, bindings: [] });
  for (const { policy } of changes.filter((change) => change.do === 'set-policy'))
    await api.put(['policies', host, policy.name], policy);
  for (const { name } of changes.filter((change) => change.do === 'remove-policy'))
    await api.remove(['policies', host, name]);
  if (bindings.length > 0) await declareTopology(amqpUrl, { exchanges: [], queues: [], bindings });
  for (const change of unbindings) if (change.when === 'last') await unbind(access, change);
}

async function requireEmpty(access: BrokerAccess, queues: readonly string[]): Promise<void> {
  for (const [queue, messages] of await countMessages(access, queues))
    if (messages > 0)
      throw new TopologyError(
        `queue "${queue}" still contains messages that it received before its bindings were removed (${messages}): wait until its consumer has processed them, then apply the topology again`,
      );
}

export async function unbind(
  { api }: BrokerAccess,
  { binding, propertiesKey }: Pick<Extract<BrokerChange, { do: 'unbind' }>, 'binding' | 'propertiesKey'>,
): Promise<void> {
  const { type, name } = destinationOf(binding);
  const kind = type === 'queue' ? 'q' : 'e';
  await api.remove(['bindings', api.virtualHost, 'e', binding.exchange, kind, name, propertiesKey]);
}
