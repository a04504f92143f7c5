import { fromBroker, type BrokerState } from './broker-state.ts';
import type { Difference, DiffInput } from './difference.ts';
import { isDelayQueue, type RetiredQueue } from './retired.ts';
import { unroutedOf } from './shards.ts';
import { describeBinding, destinationOf, isSameBinding, isSameRoute, type Binding, type Topology } from './topology.ts';

/**
 * Finds bindings on the broker that the topology does not declare. Applying the topology removes such a binding if the
 * service declared or replaced the binding, if the binding leads to a retired queue, or if the exchange is a
 * consistent-hash exchange of the service. All other bindings are kept.
 */
export function bindingDifferences(
  { declared, actual, previous }: DiffInput,
  retired: readonly RetiredQueue[],
): Difference[] {
  const ours = new Set([...declared.queues, ...declared.exchanges].map(({ name }) => name));
  const retiredWork = new Set(retired.filter((queue) => !isDelayQueue(queue)).map(({ name }) => name));
  const retiredDelays = new Set(retired.filter(isDelayQueue).map(({ name }) => name));
  const isOfRing = ringsIn(declared, actual);
  return actual.bindings
    .filter(({ source }) => source !== '')
    .flatMap((found): Difference[] => {
      const binding = fromBroker(found);
      const { type, name } = destinationOf(binding);
      const subject = describeBinding(binding);
      if (declared.bindings.some((one) => isSameBinding(one, binding))) return [];
      // While a new release is rolled out, functions of the previous release may still publish to a delay queue.
      if (type === 'queue' && retiredDelays.has(name)) return [];
      if (declared.bindings.some((one) => isOfRing(one) && isTwice(one, binding)))
        return [
          {
            subject,
            problem:
              'has another weight than declared, and a consistent-hash exchange would stop routing to the queue if only one of the two bindings were removed',
            losesMessages: false,
            fix: {
              by: 'operator',
              instruction: `Remove every binding of "${name}" to this exchange, then apply again`,
            },
          },
        ];
      const isReplaced = declared.bindings.some((one) => isSameRoute(one, binding) && destinationOf(one).name === name);
      const isRetired = type === 'queue' && retiredWork.has(name);
      const isFormer = previous?.bindings.some((one) => isSameBinding(one, binding));
      if (isReplaced || isRetired || isFormer || isOfRing(binding))
        return [
          {
            subject,
            problem:
              ours.has(name) || isRetired
                ? 'is no longer declared'
                : 'routes some messages of the consistent-hash exchange to a queue that is not a shard',
            losesMessages: isOfRing(binding) && !ours.has(name),
            fix: {
              by: 'apply',
              change: {
                do: 'unbind',
                binding,
                propertiesKey: found.properties_key,
                when: isRetired ? 'first' : 'last',
              },
            },
          },
        ];
      if (!ours.has(name)) return [];
      return [{ subject, problem: 'is not declared and stays', losesMessages: false, fix: { by: 'nobody' } }];
    });
}

function ringsIn({ exchanges, queues }: Topology, actual: BrokerState): (binding: Binding) => boolean {
  const declared = new Set(exchanges.filter(({ type }) => type === 'x-consistent-hash').map(({ name }) => name));
  const ours = new Set(queues.map(({ name }) => name));
  const former = actual.exchanges.filter(({ name, type }) => type === 'x-consistent-hash' && ours.has(name));
  const formerNames = new Set(former.flatMap(({ name }) => [name, unroutedOf(name)]));
  return (binding) =>
    declared.has(binding.exchange) || (formerNames.has(binding.exchange) && ours.has(destinationOf(binding).name));
}

const isTwice = (one: Binding, other: Binding) =>
  one.exchange === other.exchange && destinationOf(one).name === destinationOf(other).name;
