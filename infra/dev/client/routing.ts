import type { Topology } from 'surehop/topology';

/** An exchange, and the queues or exchanges to which it routes a type of event. */
export interface RoutedTo {
  readonly exchange: string;
  readonly destinations: readonly string[];
}

/**
 * Returns the exchanges that route events of the given type. For each exchange, returns the queues or exchanges to
 * which it routes these events.
 */
export function routesOf({ bindings }: Pick<Topology, 'bindings'>, type: string): RoutedTo[] {
  const matching = bindings.filter(({ routingKey }) => routingKey !== '' && matches(routingKey, type));
  return [...new Set(matching.map(({ exchange }) => exchange))].map((exchange) => ({
    exchange,
    destinations: matching
      .filter((one) => one.exchange === exchange)
      .map((one) => ('queue' in one ? one.queue : one.toExchange)),
  }));
}

/** Returns whether a topic exchange routes a message with this routing key along a binding with this pattern. */
function matches(pattern: string, routingKey: string): boolean {
  const words = pattern.split('.').map((word) => {
    if (word === '#') return '(?:[^.]+\\.)*';
    return `${word === '*' ? '[^.]+' : word.replaceAll(/[^\w-]/g, '\\$&')}\\.`;
  });
  return new RegExp(`^${words.join('')}$`).test(`${routingKey}.`);
}
