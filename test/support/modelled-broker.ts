import { fromBroker, type BrokerState } from '../../lib/rabbitmq/topology/broker-state.ts';
import { queueArguments, readVersion } from '../../lib/rabbitmq/topology/by-version.ts';
import type { Difference } from '../../lib/rabbitmq/topology/difference.ts';
import { destinationOf, isSameBinding, type Binding } from '../../lib/rabbitmq/topology/topology.ts';

export const emptyBroker: BrokerState = {
  version: '4.3.6',
  exchanges: [],
  queues: [],
  bindings: [],
  policies: [],
  operatorPolicies: [],
};

const asBroker = (binding: Binding): BrokerState['bindings'][number] => ({
  source: binding.exchange,
  destination: destinationOf(binding).name,
  destination_type: destinationOf(binding).type,
  routing_key: binding.routingKey,
  properties_key: binding.routingKey || '~',
});

export function after(broker: BrokerState, { fix }: Pick<Difference, 'fix'>): BrokerState {
  if (fix.by !== 'apply') return broker;
  const { change } = fix;
  switch (change.do) {
    case 'create-exchange': {
      const { name, type, arguments: settings = {} } = change.exchange;
      const exchange = { name, type, durable: true, auto_delete: false, arguments: settings };
      return { ...broker, exchanges: [...broker.exchanges, exchange] };
    }
    case 'create-queue': {
      const settings = queueArguments(change.queue, readVersion(broker.version));
      const queue = { name: change.queue.name, type: 'quorum', durable: true, auto_delete: false, arguments: settings };
      return { ...broker, queues: [...broker.queues, queue] };
    }
    case 'set-policy':
      return {
        ...broker,
        policies: [...broker.policies.filter(({ name }) => name !== change.policy.name), change.policy],
      };
    case 'bind':
      return { ...broker, bindings: [...broker.bindings, asBroker(change.binding)] };
    case 'unbind':
      return {
        ...broker,
        bindings: broker.bindings.filter((found) => !isSameBinding(fromBroker(found), change.binding)),
      };
    case 'remove-policy':
      return { ...broker, policies: broker.policies.filter(({ name }) => name !== change.name) };
  }
}

export function destinations(broker: BrokerState, exchange: string, routingKey: string): string[][] {
  const { bindings, exchanges } = broker;
  const { type, arguments: settings } = exchanges.find(({ name }) => name === exchange)!;
  const isRing = type === 'x-consistent-hash';
  const taken = bindings.filter(
    (found) => found.source === exchange && (type !== 'topic' || found.routing_key === routingKey),
  );
  if (isRing && taken.length === 0) return destinations(broker, String(settings['alternate-exchange']), routingKey);
  if (isRing) return [taken.map(({ destination }) => destination)];
  return taken.flatMap(({ destination, destination_type: kind }) =>
    kind === 'queue' ? [[destination]] : destinations(broker, destination, routingKey),
  );
}
