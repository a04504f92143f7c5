import { defineTopology, workQueue } from 'surehop/topology';

import { UsageError } from '../commands/command.ts';
import { reasonOf } from '../runtime/command-line.ts';
import type { Changes } from './changes.ts';
import { addImport, addProperty } from './edit-typescript.ts';
import { addFunction, hasAnchor, hasFunction } from './edit-yaml.ts';
import { defineEvent, type DefinedEvent } from './event.ts';
import { literal } from './example.ts';
import { call, camelCase, folderOf, member, requireIdentifier } from './names.ts';
import { requireName, requireServerlessYml, type Service } from './service.ts';

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
  requireName(name, 'consumer');
  requireName(queue, 'queue');
  const event = await defineEvent(changes, service, type, { exchange, field: orderBy });
  const { constant } = event;
  const yaml = requireServerlessYml(changes);
  const isOrdered = orderBy !== undefined;
  const property = addQueue(changes, service, { type, queue, exchange: event.exchange, delays, isOrdered });
  const folder = folderOf(type);
  const handler = `functions/${folder}/${name}.handler`;
  const source = `\${consumes:${property}}`;
  const isKnown = hasFunction(yaml, name, { handler, source: (events) => [events].flat().includes(source) });
  const rule = camelCase(name);
  if (!isKnown)
    requireIdentifier(rule, `the name of the business rule of the consumer ${name}`, [
      'Decision',
      'Payload',
      'consumer',
      'handler',
      'queues',
      'surehop',
      constant,
    ]);
  changes.createUnless(
    isKnown,
    `functions/${folder}/${name}.ts`,
    `import { consumer, type Decision } from 'surehop/consumer';
import type { Payload } from 'surehop/events';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';
import { ${constant} } from './events.ts';

/** The business rule, which returns what to change: \`{ effects: [tables.balances.add({ customerId }, 'cents', 1)] }\`. */
const ${rule} = (_event: Payload<typeof ${constant}>): Decision => ({ effects: [] });

/** Consumes the queue \`${queue}\`. */
export const handler = consumer(surehop, {
  queue: ${member('queues', property)},
  event: ${constant},
${orderBy === undefined ? '' : `  orderBy: ({ ${orderBy} }) => ${orderBy},\n`}  decide: ${rule},
});
`,
  );
  changes.createUnless(isKnown, `test/${name}.test.ts`, testOf({ name, type, ...event }));
  const limits = hasAnchor(yaml, 'consumer')
    ? ['<<: *consumer']
    : ['memorySize: ${settings:functions.consumer.memoryMb}', 'timeout: ${settings:functions.consumer.timeoutSeconds}'];
  changes.edit('serverless.yml', (text) =>
    addFunction(text, name, [
      ...limits,
      `handler: ${handler}`,
      '# Tables to which effects write are listed as well: effects: [balances].',
      'access: { login: publisher, connections: 2 }',
      `events: ${source}`,
    ]),
  );
}

const testOf = ({ name, type, constant, example }: DefinedEvent & { name: string; type: string }): string => {
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

/**
 * Adds a queue to infra/topology.ts, unless the queue exists. Returns the name of the property in `queues` that
 * contains the queue.
 */
function addQueue(
  changes: Changes,
  service: Service,
  {
    type,
    queue,
    exchange,
    delays,
    isOrdered,
  }: { type: string; queue: string; exchange: string; delays?: readonly string[]; isOrdered: boolean },
): string {
  const known = Object.entries(service.queues).find(([, { name }]) => name === queue);
  if (known) {
    const [property, { bindings, ordered }] = known;
    if (!bindings.some((binding) => binding.routingKey === type && binding.exchange === exchange))
      throw new UsageError(
        `the queue ${queue} exists and does not receive ${type} from the exchange ${exchange}: add "${type}" to its bindings in infra/topology.ts, or choose another --queue`,
      );
    if (isOrdered && !ordered)
      throw new UsageError(
        `the queue ${queue} exists and does not keep order per key: add "ordered: true" to it in infra/topology.ts`,
      );
    return property;
  }
  const property = camelCase(queue);
  requireNewQueue(service, property, {
    queue,
    options: { bindings: { [exchange]: [type] }, ...(delays && { delays }), ordered: isOrdered },
  });
  const value = call(
    `workQueue('${queue}'`,
    [
      `bindings: { ${/^[A-Za-z_$][\w$]*$/.test(exchange) ? exchange : literal(exchange)}: ['${type}'] }`,
      ...(delays ? [`delays: [${delays.map((delay) => `'${delay}'`).join(', ')}]`] : []),
      ...(isOrdered ? ['ordered: true'] : []),
    ],
    property.length + 4,
  );
  const file = 'infra/topology.ts';
  changes.edit(file, (text) =>
    addProperty(addImport(text, { file, name: 'workQueue', module: 'surehop/topology' }), {
      file,
      constant: 'queues',
      name: property,
      value,
    }),
  );
  return property;
}

/** Throws a `UsageError` if the name of the new queue conflicts with another queue of the service. */
function requireNewQueue(
  { queues }: Service,
  property: string,
  { queue, options }: { queue: string; options: Parameters<typeof workQueue>[1] },
): void {
  const bare = (name: string) => name.replaceAll(/[^A-Za-z0-9]/g, '').toLowerCase();
  const alike = Object.entries(queues).find(([key, { name }]) => key === property || bare(name) === bare(queue));
  if (alike)
    throw new UsageError(
      `the queue name ${queue} is too similar to the queue ${alike[1].name} (queues.${alike[0]} in infra/topology.ts): choose a --queue that differs in more than case and punctuation`,
    );
  try {
    defineTopology({ ...queues, [property]: workQueue(queue, options) });
  } catch (error) {
    throw new UsageError(`the queue ${queue} cannot be added: ${reasonOf(error)}`, { cause: error });
  }
}
