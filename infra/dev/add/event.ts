import type { EventDefinition } from 'surehop/events';

import { UsageError } from '../commands/command.ts';
import type { Changes } from './changes.ts';
import { addImport, addItem, addZod } from './edit-typescript.ts';
import { exampleFor, hasProperty, objectLiteral } from './example.ts';
import { camelCase, folderOf, requireIdentifier } from './names.ts';
import { exchangeOf, requireExchange, type Service } from './service.ts';

const TYPE = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$/;

interface EventOptions {
  readonly exchange?: string;
  readonly field?: string;
}

export interface DefinedEvent {
  readonly constant: string;
  readonly exchange: string;
  readonly example: unknown;
  /** Whether the service already had the event before `surehop add` ran. */
  readonly isKnown: boolean;
}

/** Adds the definition and a test of an event, unless the service already has an event of this type. */
export async function addEvent(
  changes: Changes,
  service: Service,
  type: string,
  options: EventOptions = {},
): Promise<void> {
  const { constant, example, isKnown } = await defineEvent(changes, service, type, options);
  const file = `test/${type.replaceAll('.', '-')}-event.test.ts`;
  if (typeof example === 'object' && example !== null)
    changes.createUnless(isKnown, file, testOf(type, constant, example));
}

/** Adds the definition of an event, unless the service already has an event of this type. */
export async function defineEvent(
  changes: Changes,
  service: Service,
  type: string,
  { exchange, field }: EventOptions = {},
): Promise<DefinedEvent> {
  if (!TYPE.test(type))
    throw new UsageError(`"${type}" cannot be the type of an event: use lower-case words and dots, such as order.paid`);
  if (field !== undefined) requireIdentifier(field, 'the property in --order-by');
  const file = `functions/${folderOf(type)}/events.ts`;
  const events = changes.read(file) === undefined ? {} : await service.loadEvents(file);
  const existing = Object.entries(events).find(([, event]) => event.type === type);
  if (existing) return knownEvent(existing, { exchange, field });
  const constant = camelCase(type);
  const property = field ?? 'id';
  const destination = exchange ?? exchangeOf(service);
  requireExchange(service, destination);
  const definition = `
/** The event \`${type}\`. */
export const ${constant} = defineEvent({
  type: '${type}',
  version: 1,
  exchange: '${destination}',
  schema: z.object({ ${property}: z.string() }),
});
`;
  if (changes.read(file) === undefined) changes.create(file, '');
  const defineEventImport = { file, name: 'defineEvent', module: 'surehop/events' };
  changes.edit(file, (text) => `${addZod(addImport(text, defineEventImport), file).trimEnd()}\n${definition}`);
  listEvent(changes, constant, `./${folderOf(type)}/events.ts`);
  return { constant, exchange: destination, example: { [property]: 'one' }, isKnown: false };
}

function knownEvent(
  [constant, { type, exchange, schema }]: [string, EventDefinition<unknown>],
  options: EventOptions,
): DefinedEvent {
  if (options.exchange !== undefined && options.exchange !== exchange)
    throw new UsageError(
      `--exchange is "${options.exchange}", but the event ${type} already exists and is published to the exchange ${exchange}: leave out --exchange`,
    );
  if (options.field !== undefined && !hasProperty(schema, options.field))
    throw new UsageError(
      `--order-by is "${options.field}", but ${constant}.schema does not define this property for every event of the type ${type}: add the property to the schema first`,
    );
  return { constant, exchange, example: exampleFor(schema), isKnown: true };
}

/** The file with the list of all events of the service. The archive checks messages with the schemas of these events. */
const LIST = 'functions/events.ts';

/** Adds an event to the list of all events, if the service has such a list. */
function listEvent(changes: Changes, constant: string, module: string): void {
  if (changes.read(LIST) === undefined) return;
  changes.edit(LIST, (text) =>
    addItem(addImport(text, { file: LIST, name: constant, module }), {
      file: LIST,
      constant: 'events',
      name: constant,
    }),
  );
}

const testOf = (type: string, constant: string, example: object): string => `import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ${constant} } from '../functions/${folderOf(type)}/events.ts';

test('the event ${type} accepts its data${Object.keys(example).length === 0 ? '' : ' and rejects an empty object'}', () => {
  ${objectLiteral('const data = ', example, 2)};
  assert.deepEqual(${constant}.schema.parse(data), data);
${Object.keys(example).length === 0 ? '' : `  assert.equal(${constant}.schema.safeParse({}).success, false);\n`}});
`;
