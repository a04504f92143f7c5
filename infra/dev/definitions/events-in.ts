import type { EventDefinition } from 'surehop/events';

/** Returns the events that a module exports, by the names of the exports. */
export function eventsIn(module: Readonly<Record<string, unknown>>): Record<string, EventDefinition<unknown>> {
  const isEvent = (value: unknown): value is EventDefinition<unknown> =>
    typeof value === 'object' && value !== null && 'schema' in value && 'type' in value && 'exchange' in value;
  return Object.fromEntries(
    Object.entries(module).flatMap(([name, value]) => (isEvent(value) ? [[name, value] as const] : [])),
  );
}
