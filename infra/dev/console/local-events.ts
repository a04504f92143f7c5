import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { EventDefinition } from 'surehop/events';
import * as z from 'zod';

import { draftFor } from '../add/example.ts';
import { eventsIn } from '../definitions/events-in.ts';
import { loadFresh } from '../definitions/load-fresh.ts';

/**
 * Returns the events that the service defines in the files `events.ts` below `functions`. Reads the current version of
 * each file.
 */
export async function localEvents(root: string): Promise<EventDefinition<unknown>[]> {
  const events: EventDefinition<unknown>[] = [];
  for (const file of eventFiles(root)) {
    const module = await loadFresh<Record<string, unknown>>(join(root, file), root);
    events.push(...Object.values(eventsIn(module)));
  }
  return events.toSorted((a, b) => a.type.localeCompare(b.type) || a.version - b.version);
}

function eventFiles(root: string): string[] {
  if (!existsSync(join(root, 'functions'))) return [];
  return readdirSync(join(root, 'functions'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /(^|[\\/])events\.ts$/.test(file) && !file.includes('node_modules'))
    .map((file) => join('functions', file))
    .toSorted();
}

/**
 * Describes an event for a form: the JSON schema of the event's body, and an example of the body. Each call returns an
 * example with new ids.
 */
export function describeEvent({ type, version, exchange, schema }: EventDefinition<unknown>) {
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return { type, version, exchange, schema: jsonSchema, example: draftFor(schema, { uuid: randomUUID() }) };
}
