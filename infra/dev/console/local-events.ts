import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import type { EventDefinition } from 'surehop/events';
import * as z from 'zod';

import { draftFor } from '../add/example.ts';
import { eventsIn } from '../definitions/events-in.ts';
import { loadFresh } from '../definitions/load-fresh.ts';

export interface LocalEvents {
  /**
   * Returns the events that the files `events.ts` below `functions` define. Changes of these files take effect without
   * a restart.
   */
  read(): Promise<readonly EventDefinition<unknown>[]>;
}

/**
 * Creates a reader of the service's event definitions in the folder `root`. The reader loads the definitions again only
 * after a source file has changed.
 */
export function createLocalEvents(root: string): LocalEvents {
  let known: { readonly version: string; readonly events: Promise<readonly EventDefinition<unknown>[]> } | undefined;
  return {
    read() {
      const files = sourceFiles(root);
      const version = files
        .map((file) => `${file} ${statSync(join(root, file), { throwIfNoEntry: false })?.mtimeMs}`)
        .join();
      if (known?.version === version) return known.events;
      const events = load(
        root,
        files.filter((file) => /(^|[\\/])events\.ts$/.test(file)),
      );
      known = { version, events };
      events.catch(() => (known = undefined));
      return events;
    },
  };
}

async function load(root: string, files: readonly string[]): Promise<EventDefinition<unknown>[]> {
  const events: EventDefinition<unknown>[] = [];
  for (const file of files) {
    const module = await loadFresh<Record<string, unknown>>(join(root, file), root);
    events.push(...Object.values(eventsIn(module)));
  }
  return events.toSorted((a, b) => a.type.localeCompare(b.type) || a.version - b.version);
}

function sourceFiles(root: string): string[] {
  if (!existsSync(join(root, 'functions'))) return [];
  const inFunctions = readdirSync(join(root, 'functions'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
    .map((file) => join('functions', file));
  return [...inFunctions.toSorted(), join('infra', 'topology.ts')];
}

/**
 * Describes an event for a form: the JSON schema of the event's body, and an example of the body. Each call returns an
 * example with new ids.
 */
export function describeEvent({ type, version, exchange, schema }: EventDefinition<unknown>) {
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return { type, version, exchange, schema: jsonSchema, example: draftFor(schema, { uuid: randomUUID() }) };
}
