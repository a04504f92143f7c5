import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionDefinition } from 'serverless-surehop/alarms';
import { parse } from 'yaml';

import { rootDirectory } from '../runtime/directories.ts';

type Events = FunctionDefinition['events'] | string;

interface LocalFunction {
  /** The key of the function in serverless.yml. */
  readonly key: string;
  readonly events: FunctionDefinition['events'];
  readonly login: string | undefined;
}

const CONSUMES = /^\$\{consumes:(.+)\}$/;

function eventsOf(events: Events = []): FunctionDefinition['events'] {
  if (typeof events !== 'string') return events;
  const queue = CONSUMES.exec(events)?.[1];
  return queue === undefined ? [] : [{ rabbitmq: { queue } }];
}

/** Returns the functions in serverless.yml. */
export function localFunctions(): LocalFunction[] {
  const text = readFileSync(join(rootDirectory, 'serverless.yml'), 'utf8');
  const { functions } = parse(text, { merge: true }) as {
    functions: Readonly<Record<string, { readonly events?: Events; readonly access?: { readonly login?: string } }>>;
  };
  return Object.entries(functions).map(([key, { events, access }]) => ({
    key,
    events: eventsOf(events),
    login: access?.login,
  }));
}
