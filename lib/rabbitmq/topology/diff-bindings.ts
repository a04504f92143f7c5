import { fromBroker, type BrokerState } from './broker-state.ts';
import type { Difference, DiffInput } from './difference.ts';
import { isDelayQueue, type RetiredQueue } from './retired.ts';
import { unroutedOf } from './shards.ts';
import { describeBinding, destinationOf, isSameBinding, isSameRoute, type Binding, type Topology } from './topology.ts';

/**
 * Finds bindings on the broker that the topology does not declare. Applying the topology does not remove a binding that
 * the service has never declared, unless the exchange of the binding is a consistent-hash exchange of the service.
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
              'has another weight than declared, and a ring loses a queue when one of its two bindings is removed',
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
                : 'takes a share of the ring’s messages to a foreign queue',
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
