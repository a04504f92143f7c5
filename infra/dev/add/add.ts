import type { EventDefinition } from 'surehop/events';
import type { Topology, WorkQueue } from 'surehop/topology';

import { UsageError } from '../commands/command.ts';
import type { Changes } from './changes.ts';
import { addImport, addProperty, addZod } from './edit-typescript.ts';
import { addFunction, hasAnchor, hasFunction } from './edit-yaml.ts';
import { exampleFor, literal } from './example.ts';
import { call, camelCase, folderOf } from './names.ts';

export interface Service {
  readonly queues: Readonly<Record<string, WorkQueue>>;
  readonly topology: Pick<Topology, 'exchanges'>;
  /** Loads the events that a module of the project exports, by the names of the exports. */
  readonly loadEvents: (file: string) => Promise<Readonly<Record<string, EventDefinition<unknown>>>>;
}

const TYPE = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$/;
const NAME = /^[a-z][a-z0-9-]*$/;

interface EventOptions {
  readonly exchange?: string;
  readonly field?: string;
}

interface AddedEvent {
  readonly constant: string;
  readonly example: unknown;
}

/** Adds the definition of an event, unless the service already has an event of this type. */
export async function addEvent(
  changes: Changes,
  service: Service,
  type: string,
  { exchange, field = 'id' }: EventOptions = {},
): Promise<AddedEvent> {
  if (!TYPE.test(type))
    throw new UsageError(`"${type}" cannot be the type of an event: use lower-case words and dots, such as order.paid`);
  const file = eventsFile(type);
  const events = changes.read(file) === undefined ? {} : await service.loadEvents(file);
  const existing = Object.entries(events).find(([, event]) => event.type === type);
  if (existing) return { constant: existing[0], example: exampleFor(existing[1].schema) };
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
  return { constant: camelCase(type), example: { [field]: 'one' } };
}

const eventsFile = (type: string): string => `functions/${folderOf(type)}/events.ts`;

function exchangeOf({ topology }: Service): string {
  const topics = topology.exchanges.filter(({ type }) => type === 'topic').map(({ name }) => name);
  if (topics.length === 1) return topics[0]!;
  throw new UsageError(
    `pass --exchange with the name of the exchange${topics.length > 1 ? `: one of ${topics.join(', ')}, or a new name` : ''}`,
  );
}

interface ConsumerOptions {
  readonly event: string;
  readonly queue?: string;
  readonly exchange?: string;
  readonly delays?: readonly string[];
  readonly orderBy?: string;
}

/**
 * Adds a consumer with its queue, a test and a function in serverless.yml. Also adds the event if it does not exist.
 */
export async function addConsumer(
  changes: Changes,
  service: Service,
  name: string,
  { event: type, queue = name, exchange, delays, orderBy }: ConsumerOptions,
): Promise<void> {
  for (const one of [name, queue])
    if (!NAME.test(one)) throw new UsageError(`"${one}" cannot be a name: use lower-case letters, digits and hyphens`);
  const { constant, example } = await addEvent(changes, service, type, { exchange, field: orderBy });
  const property = addQueue(changes, service, { type, queue, exchange, delays, isOrdered: orderBy !== undefined });
  const folder = folderOf(type);
  const rule = camelCase(name);
  const yaml = requireServerlessYml(changes);
  const isKnown = hasFunction(yaml, name);
  const file = `functions/${folder}/${name}.ts`;
  if (!(isKnown && changes.read(file) !== undefined))
    changes.create(
      file,
      `import { consumer, type Decision } from 'surehop/consumer';
import type { Payload } from 'surehop/events';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';
import { ${constant} } from './events.ts';

/** The business rule, which returns what to change: \`{ effects: [tables.balances.add({ customerId }, 'cents', 1)] }\`. */
const ${rule} = (_event: Payload<typeof ${constant}>): Decision => ({ effects: [] });

/** Consumes the queue \`${queue}\`. */
export const handler = consumer(surehop, {
  queue: queues.${property},
  event: ${constant},
${orderBy === undefined ? '' : `  orderBy: ({ ${orderBy} }) => ${orderBy},\n`}  decide: ${rule},
});
`,
    );
  const testFile = `test/${name}.test.ts`;
  if (!(isKnown && changes.read(testFile) !== undefined))
    changes.create(testFile, testOf({ name, type, constant, example }));
  const limits = hasAnchor(yaml, 'consumer')
    ? ['<<: *consumer']
    : ['memorySize: ${settings:functions.consumer.memoryMb}', 'timeout: ${settings:functions.consumer.timeoutSeconds}'];
  changes.edit('serverless.yml', (text) =>
    addFunction(text, name, [
      ...limits,
      `handler: functions/${folder}/${name}.handler`,
      '# Tables to which effects write are listed as well: effects: [balances].',
      'access: { login: publisher, connections: 2 }',
      `events: \${consumes:${property}}`,
    ]),
  );
}

const testOf = ({ name, type, constant, example }: AddedEvent & { name: string; type: string }): string => {
  const properties = Object.entries(example ?? {}).map(([property, value]) => `${property}: ${literal(value)}`);
  const receive = call(`const received = await consumer.receive(${constant}`, properties, 2);
  return `import { test } from 'node:test';

import { testConsumer } from 'surehop/testing';

import { ${constant} } from '../functions/${folderOf(type)}/events.ts';
import { handler } from '../functions/${folderOf(type)}/${name}.ts';

test('${name} completes an event of the type ${type}, and skips its redelivery', async () => {
  const consumer = testConsumer(handler);
  ${receive.replaceAll('\n', '\n  ')};
  received.expect({ outcome: 'completed', effects: [] });
  (await consumer.redeliver(received)).expect({ outcome: 'duplicate' });
});
`;
};

/** Adds a queue to infra/topology.ts, unless the queue exists. Returns the name of its property in \`queues\`. */
function addQueue(
  changes: Changes,
  service: Service,
  {
    type,
    queue,
    exchange = exchangeOf(service),
    delays,
    isOrdered,
  }: { type: string; queue: string; exchange?: string; delays?: readonly string[]; isOrdered: boolean },
): string {
  const known = Object.entries(service.queues).find(([, { name }]) => name === queue);
  if (known) {
    const [property, { bindings, ordered }] = known;
    if (!bindings.some(({ routingKey }) => routingKey === type))
      throw new UsageError(
        `the queue ${queue} exists and does not receive ${type}: add '${type}' to its bindings in infra/topology.ts, or choose another --queue`,
      );
    if (isOrdered && !ordered)
      throw new UsageError(`the queue ${queue} exists without order: add "ordered: true" to it in infra/topology.ts`);
    return property;
  }
  const property = camelCase(queue);
  const value = call(
    `workQueue('${queue}'`,
    [
      `bindings: { ${/^[A-Za-z_$][\w$]*$/.test(exchange) ? exchange : `'${exchange}'`}: ['${type}'] }`,
      ...(delays ? [`delays: [${delays.map((delay) => `'${delay}'`).join(', ')}]`] : []),
      ...(isOrdered ? ['ordered: true'] : []),
    ],
    property.length + 4,
  );
  const file = 'infra/topology.ts';
  changes.edit(file, (text) =>
    addProperty(addImport(text, 'workQueue', 'surehop/topology'), { file, constant: 'queues', name: property, value }),
  );
  return property;
}

/** Adds a table to infra/tables.ts. `keys` are its key attributes, such as `customerId` or `at:N`. */
export function addTable(changes: Changes, name: string, keys: readonly string[]): void {
  if (!NAME.test(name))
    throw new UsageError(`"${name}" cannot be the name of a table: use lower-case letters, digits and hyphens`);
  if (keys.length < 1 || keys.length > 2)
    throw new UsageError('pass --key with the partition key, and a second --key if the table has a sort key');
  const attributes = keys.map((key) => {
    const [, attribute, type = 'S'] = /^([A-Za-z_]\w*)(?::([SN]))?$/.exec(key) ?? [];
    if (attribute === undefined)
      throw new UsageError(`--key is "${key}": use the name of an attribute, with :N if it is a number`);
    return `${attribute}: '${type}'`;
  });
  const file = 'infra/tables.ts';
  const property = camelCase(name);
  const value = call(
    'defineTable(',
    [`name: '${name}'`, `key: { ${attributes.join(', ')} }`, 'item: z.object({})'],
    property.length + 4,
  );
  changes.edit(file, (text) =>
    addProperty(addZod(addImport(text, 'defineTable', 'surehop/tables')), {
      file,
      constant: 'tables',
      name: property,
      value,
    }),
  );
}

/** Adds an HTTP route that publishes an event, and its function in serverless.yml. */
export async function addRoute(
  changes: Changes,
  service: Service,
  given: string,
  { event: type, exchange }: { event: string; exchange?: string },
): Promise<void> {
  const [, method = '', path = ''] = /^(POST|PUT) (\/[a-z0-9/-]*[a-z0-9])$/.exec(given) ?? [];
  if (path === '')
    throw new UsageError(
      `"${given}" is not a route: use POST or PUT and a path without parameters, such as "POST /payments"`,
    );
  const { constant, example } = await addEvent(changes, service, type, { exchange });
  const name = `${method.toLowerCase()}${path.replaceAll('/', '-')}`;
  const folder = folderOf(type);
  const file = `functions/${folder}/${name}.ts`;
  if (!(hasFunction(requireServerlessYml(changes), name) && changes.read(file) !== undefined))
    changes.create(
      file,
      `import { deriveId, eventPublisher } from 'surehop/events';
import { endpoint, signature, type Route } from 'surehop/http';
import { idempotencyKey } from 'surehop/idempotency';
import { lazyPublisher } from 'surehop/rabbitmq';
import * as z from 'zod';

import { surehop } from '../surehop.ts';
import { ${constant} } from './events.ts';

export const route = {
  route: '${given}',
  summary: 'Answers as soon as the broker has confirmed the event ${type}.',
  access: signature,
  body: ${constant}.schema,
  answers: { 202: z.strictObject({ id: z.uuid() }) },
  problems: [
    'missing-idempotency-key',
    'invalid-idempotency-key',
    'idempotency-key-mismatch',
    'unroutable',
    'refused',
    'blocked',
    'unconfirmed',
    'broker-unavailable',
  ],
  example: {
    body: ${literal(example ?? {})},
    answer: { id: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10' },
  },
} satisfies Route;

const publishEvent = eventPublisher(surehop, lazyPublisher(surehop));

/** ${given} */
export const handler = endpoint(surehop, route, async (request) => {
  // The id follows from the client and its key. A repeated request therefore has no second effect.
  const id = deriveId('${type}', request.client, idempotencyKey(request));
  await publishEvent(${constant}, request.body, { id, trace: request });
  return { status: 202, body: { id } };
});
`,
    );
  changes.edit('serverless.yml', (text) =>
    addFunction(text, name, [
      `handler: functions/${folder}/${name}.handler`,
      'access: { login: publisher, connections: rest, signingKeys: true }',
      `events: [{ httpApi: ${given} }]`,
    ]),
  );
}

function requireServerlessYml(changes: Changes): string {
  const text = changes.read('serverless.yml');
  if (text === undefined) throw new UsageError('serverless.yml is missing');
  return text;
}
