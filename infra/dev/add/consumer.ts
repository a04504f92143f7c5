import { UsageError } from '../commands/command.ts';
import type { Changes } from './changes.ts';
import { addImport, addProperty } from './edit-typescript.ts';
import { addFunction, hasAnchor, hasFunction } from './edit-yaml.ts';
import { defineEvent, type DefinedEvent } from './event.ts';
import { literal } from './example.ts';
import { call, camelCase, folderOf } from './names.ts';
import { exchangeOf, requireName, requireServerlessYml, type Service } from './service.ts';

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
  const property = addQueue(changes, service, { type, queue, exchange, delays, isOrdered: orderBy !== undefined });
  const folder = folderOf(type);
  const rule = camelCase(name);
  const yaml = requireServerlessYml(changes);
  const isKnown = hasFunction(yaml, name);
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
  queue: queues.${property},
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
      `handler: functions/${folder}/${name}.handler`,
      '# Tables to which effects write are listed as well: effects: [balances].',
      'access: { login: publisher, connections: 2 }',
      `events: \${consumes:${property}}`,
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
        `the queue ${queue} exists and does not receive ${type}: add "${type}" to its bindings in infra/topology.ts, or choose another --queue`,
      );
    if (isOrdered && !ordered)
      throw new UsageError(
        `the queue ${queue} exists and does not keep order per key: add "ordered: true" to it in infra/topology.ts`,
      );
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
