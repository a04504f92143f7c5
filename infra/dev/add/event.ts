import { UsageError } from '../commands/command.ts';
import type { Changes } from './changes.ts';
import { addImport, addZod } from './edit-typescript.ts';
import { exampleFor, objectLiteral } from './example.ts';
import { camelCase, folderOf } from './names.ts';
import { exchangeOf, type Service } from './service.ts';

const TYPE = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$/;

interface EventOptions {
  readonly exchange?: string;
  readonly field?: string;
}

export interface DefinedEvent {
  readonly constant: string;
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
  { exchange, field = 'id' }: EventOptions = {},
): Promise<DefinedEvent> {
  if (!TYPE.test(type))
    throw new UsageError(`"${type}" cannot be the type of an event: use lower-case words and dots, such as order.paid`);
  const file = `functions/${folderOf(type)}/events.ts`;
  const events = changes.read(file) === undefined ? {} : await service.loadEvents(file);
  const existing = Object.entries(events).find(([, event]) => event.type === type);
  if (existing) return { constant: existing[0], example: exampleFor(existing[1].schema), isKnown: true };
  const definition = `
/** The event \`${type}\`. */
export const ${camelCase(type)} = defineEvent({
  type: '${type}',
  version: 1,
  exchange: '${exchange ?? exchangeOf(service)}',
  schema: z.object({ ${field}: z.string() }),
});
`;
  if (changes.read(file) === undefined) changes.create(file, '');
  changes.edit(file, (text) => `${addZod(addImport(text, 'defineEvent', 'surehop/events')).trimEnd()}\n${definition}`);
  listEvent(changes, camelCase(type), `./${folderOf(type)}/events.ts`);
  return { constant: camelCase(type), example: { [field]: 'one' }, isKnown: false };
}

/** The file with the list of all events of the service. The archive checks messages with the schemas of these events. */
const LIST = 'functions/events.ts';

/** Adds an event to the list of all events, if the service has such a list. */
function listEvent(changes: Changes, constant: string, module: string): void {
  if (changes.read(LIST) === undefined) return;
  changes.edit(LIST, (text) => addImport(text, constant, module).replace(/,?\n\];\n$/, `,\n  ${constant},\n];\n`));
}

const testOf = (type: string, constant: string, example: object): string => `import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ${constant} } from '../functions/${folderOf(type)}/events.ts';

test('the event ${type} accepts its data${Object.keys(example).length === 0 ? '' : ' and rejects an empty object'}', () => {
  ${objectLiteral('const data = ', example, 2)};
  assert.deepEqual(${constant}.schema.parse(data), data);
${Object.keys(example).length === 0 ? '' : `  assert.equal(${constant}.schema.safeParse({}).success, false);\n`}});
`;
