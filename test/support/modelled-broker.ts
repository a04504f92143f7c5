import { destinationOf, isSameBinding } from '../../lib/rabbitmq/topology/binding.ts';
import type { BrokerState } from '../../lib/rabbitmq/topology/broker-state.ts';
import type { Step } from '../../lib/rabbitmq/topology/plan.ts';
import { queueArguments, readVersion } from '../../lib/rabbitmq/topology/queue-arguments.ts';
import type { Binding } from '../../lib/rabbitmq/topology/topology.ts';

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

const asBinding = ({
  source: exchange,
  destination,
  destination_type: type,
  routing_key: routingKey,
}: BrokerState['bindings'][number]): Binding =>
  type === 'queue' ? { exchange, queue: destination, routingKey } : { exchange, toExchange: destination, routingKey };

/** The broker's settings after a step of a plan. */
export function after(broker: BrokerState, step: Step): BrokerState {
  switch (step.do) {
    case 'create-exchange': {
      const { name, type, arguments: settings = {} } = step.exchange;
      const exchange = { name, type, durable: true, auto_delete: false, arguments: settings };
      return { ...broker, exchanges: [...broker.exchanges, exchange] };
    }
    case 'create-queue': {
      const settings = queueArguments(step.queue, readVersion(broker.version));
      const queue = { name: step.queue.name, type: 'quorum', durable: true, auto_delete: false, arguments: settings };
      return { ...broker, queues: [...broker.queues, queue] };
    }
    case 'set-policy':
      return {
        ...broker,
        policies: [...broker.policies.filter(({ name }) => name !== step.policy.name), step.policy],
      };
    case 'bind':
      return { ...broker, bindings: [...broker.bindings, asBroker(step.binding)] };
    case 'unbind':
      return {
        ...broker,
        bindings: broker.bindings.filter((found) => !isSameBinding(asBinding(found), step.binding)),
      };
    case 'keep':
    case 'refuse':
      return broker;
  }
}

/** The queues that a message may end in, each time one of each list: a ring picks one, any other exchange gives to all. */
export function destinations({ bindings, exchanges }: BrokerState, exchange: string, routingKey: string): string[][] {
  const { type, arguments: settings } = exchanges.find(({ name }) => name === exchange)!;
  const isRing = type === 'x-consistent-hash';
  const taken = bindings.filter(
    (found) => found.source === exchange && (type !== 'topic' || found.routing_key === routingKey),
  );
  if (isRing && taken.length === 0)
    return destinations({ bindings, exchanges } as BrokerState, String(settings['alternate-exchange']), routingKey);
  if (isRing) return [taken.map(({ destination }) => destination)];
  return taken.flatMap(({ destination, destination_type: kind }) =>
    kind === 'queue' ? [[destination]] : destinations({ bindings, exchanges } as BrokerState, destination, routingKey),
  );
}
