import type { BrokerState } from './broker-state.ts';
import type { Binding } from './topology.ts';

/** Where a binding leads. */
export const destinationOf = (binding: Binding): { readonly type: 'queue' | 'exchange'; readonly name: string } =>
  'queue' in binding ? { type: 'queue', name: binding.queue } : { type: 'exchange', name: binding.toExchange };

export const isSameBinding = (one: Binding, other: Binding): boolean =>
  isSameRoute(one, other) &&
  destinationOf(one).type === destinationOf(other).type &&
  destinationOf(one).name === destinationOf(other).name;

/** Whether both take the same messages, wherever to. */
export const isSameRoute = (one: Binding, other: Binding): boolean =>
  one.exchange === other.exchange && one.routingKey === other.routingKey;

/** Whether the broker routes by this binding now. */
export const isBound = (binding: Binding, { bindings }: BrokerState): boolean =>
  bindings.some((found) => isSameBinding(fromBroker(found), binding));

/** A binding as the broker tells of it. */
export const fromBroker = ({
  source: exchange,
  destination,
  destination_type: type,
  routing_key: routingKey,
}: BrokerState['bindings'][number]): Binding =>
  type === 'queue' ? { exchange, queue: destination, routingKey } : { exchange, toExchange: destination, routingKey };

/** A binding as a person reads it. */
export const describeBinding = (binding: Binding): string => {
  const { type, name } = destinationOf(binding);
  const key = binding.routingKey && ` [${binding.routingKey}]`;
  return `binding ${binding.exchange} → ${type === 'exchange' ? 'exchange ' : ''}${name}${key}`;
};
