import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { check } from 'prettier';
import { parse } from 'yaml';
import type { EventDefinition } from 'surehop/events';

import { Changes } from '../../../infra/dev/add/changes.ts';
import { addConsumer } from '../../../infra/dev/add/consumer.ts';
import { addProperty } from '../../../infra/dev/add/edit-typescript.ts';
import { addFunction } from '../../../infra/dev/add/edit-yaml.ts';
import { addEvent } from '../../../infra/dev/add/event.ts';
import { addRoute } from '../../../infra/dev/add/route.ts';
import type { Service } from '../../../infra/dev/add/service.ts';
import { addTable } from '../../../infra/dev/add/table.ts';
import { loadFresh } from '../../../infra/dev/definitions/load-fresh.ts';
import { localDirectory, rootDirectory } from '../../../infra/dev/runtime/directories.ts';

// The projects are in the repository, so that their modules find the packages.
mkdirSync(localDirectory, { recursive: true });
const parent = mkdtempSync(join(localDirectory, 'add-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

let project: string;
let number = 0;
beforeEach(() => {
  number += 1;
  project = join(parent, String(number));
  cpSync(join(rootDirectory, 'infra/create/template'), project, { recursive: true });
});

const read = (file: string) => readFileSync(join(project, file), 'utf8');
/** Loads the current version of a module. Jest itself loads a module only once. */
const load = (file: string) => loadFresh<Record<string, never>>(join(project, file), project);
const service = async (): Promise<Service> =>
  ({
    ...(await load('infra/topology.ts')),
    loadEvents: async (file: string) => (await load(file)) as Record<string, EventDefinition<unknown>>,
  }) as unknown as Service;

const contents = () =>
  Object.fromEntries(
    readdirSync(project, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]),
  );

async function expectFormatted(files: readonly string[]) {
  for (const file of files) {
    const options = { filepath: file, singleQuote: true, printWidth: 120 };
    expect([file, await check(read(file), options)]).toEqual([file, true]);
  }
}

function expectOnlyAdded(before: string, after: string) {
  let from = 0;
  for (const line of before.split('\n')) {
    const at = after.indexOf(line, from);
    expect([line, at >= from]).toEqual([line, true]);
    from = at + line.length;
  }
}

describe('surehop add consumer', () => {
  const options = { event: 'order.paid', queue: 'shipping', delays: ['10s', '1m', '10m'], orderBy: 'customerId' };
  const addShipOrder = async () => {
    const changes = new Changes(project);
    await addConsumer(changes, await service(), 'ship-order', options);
    return changes;
  };

  test('surehop add consumer writes the event, the queue, the consumer, a test and the function, and all written files are formatted', async () => {
    const [topology, yaml, events] = ['infra/topology.ts', 'serverless.yml', 'functions/orders/events.ts'].map(read);
    const written = (await addShipOrder()).write();
    expect(written.toSorted()).toEqual([
      'changed functions/events.ts',
      'changed functions/orders/events.ts',
      'changed infra/topology.ts',
      'changed serverless.yml',
      'created functions/orders/ship-order.ts',
      'created test/ship-order.test.ts',
    ]);
    await expectFormatted(written.map((line) => line.split(' ')[1]!));
    expectOnlyAdded(topology!, read('infra/topology.ts'));
    expectOnlyAdded(yaml!, read('serverless.yml'));
    expectOnlyAdded(events!, read('functions/orders/events.ts'));

    const { queues } = (await load('infra/topology.ts')) as unknown as Service;
    expect(queues['shipping']).toMatchObject({
      name: 'shipping',
      ordered: true,
      delays: [{ delayMs: 10_000 }, { delayMs: 60_000 }, { delayMs: 600_000 }],
      bindings: [{ exchange: 'orders', routingKey: 'order.paid', queue: 'shipping' }],
    });
    expect(parse(read('serverless.yml'), { merge: true }).functions['ship-order']).toEqual({
      memorySize: '${settings:functions.consumer.memoryMb}',
      timeout: '${settings:functions.consumer.timeoutSeconds}',
      handler: 'functions/orders/ship-order.handler',
      access: { login: 'publisher', connections: 2 },
      events: '${consumes:shipping}',
    });
  });

  test('surehop add consumer changes nothing when it runs again, even after the business rule was edited', async () => {
    (await addShipOrder()).write();
    writeFileSync(
      join(project, 'functions/orders/ship-order.ts'),
      `${read('functions/orders/ship-order.ts')}\n// edited\n`,
    );
    const before = contents();
    expect((await addShipOrder()).write()).toEqual([]);
    expect(contents()).toEqual(before);
  });

  test('surehop add consumer does not overwrite a file that it did not create', async () => {
    writeFileSync(join(project, 'functions/orders/ship-order.ts'), '// by hand\n');
    const before = contents();
    await expect(addShipOrder()).rejects.toThrow(
      /functions\/orders\/ship-order\.ts exists already and was not overwritten/,
    );
    expect(contents()).toEqual(before);
  });

  test('surehop add consumer shows its changes as a diff, and a dry run writes no file', async () => {
    const before = contents();
    const diff = (await addShipOrder()).diff();
    expect(contents()).toEqual(before);
    expect(diff).toEqual(
      expect.arrayContaining(['--- /dev/null', '+++ test/ship-order.test.ts', '+    events: ${consumes:shipping}']),
    );
    // Only the import of the list of all events changes; all other lines are added.
    expect(diff.filter((line) => /^-(?!--)/.test(line))).toEqual([
      "-import { orderPlaced } from './orders/events.ts';",
    ]);
    expect(diff).toContain("+import { orderPaid, orderPlaced } from './orders/events.ts';");
  });

  test('surehop add consumer can add a consumer of an existing event, whose test receives a value that matches the schema', async () => {
    const changes = new Changes(project);
    await addConsumer(changes, await service(), 'greet', { event: 'order.placed' });
    changes.write();
    await expectFormatted(['test/greet.test.ts', 'functions/orders/greet.ts', 'infra/topology.ts']);
    expect(read('test/greet.test.ts')).toContain("import { orderPlaced } from '../functions/orders/events.ts';");
    expect(read('test/greet.test.ts')).toMatch(/orderId: '0b8f9a52-/);
  });

  test('surehop add consumer refuses an existing queue that does not receive the event', async () => {
    const adding = addConsumer(new Changes(project), await service(), 'greet', {
      event: 'order.paid',
      queue: 'billing',
    });
    await expect(adding).rejects.toThrow(/the queue billing exists and does not receive order\.paid/);
  });
});

describe('surehop add event, route and table', () => {
  const addAll = async () => {
    const changes = new Changes(project);
    await addEvent(changes, await service(), 'customer.renamed');
    await addRoute(changes, await service(), 'POST /payments', { event: 'payment.received' });
    addTable(changes, 'shipping-labels', ['orderId', 'number:N']);
    return changes;
  };

  test('surehop add event, route and table write formatted files, each with a test, and keep every line of the edited files', async () => {
    const before = contents();
    const written = (await addAll()).write();
    expect(written.toSorted()).toEqual([
      'changed functions/events.ts',
      'changed infra/tables.ts',
      'changed serverless.yml',
      'created functions/customers/events.ts',
      'created functions/payments/events.ts',
      'created functions/payments/post-payments.ts',
      'created test/customer-renamed-event.test.ts',
      'created test/post-payments.test.ts',
      'created test/shipping-labels-table.test.ts',
    ]);
    await expectFormatted(written.map((line) => line.split(' ')[1]!));
    for (const file of ['infra/tables.ts', 'serverless.yml']) expectOnlyAdded(before[join(project, file)]!, read(file));
    expect(Object.keys(await load('functions/customers/events.ts'))).toEqual(['customerRenamed']);
    const { tables } = (await load('infra/tables.ts')) as unknown as { tables: Record<string, object> };
    expect(tables['shippingLabels']).toMatchObject({ name: 'shipping-labels', key: { orderId: 'S', number: 'N' } });
    expect(parse(read('serverless.yml'), { merge: true }).functions['post-payments']).toMatchObject({
      handler: 'functions/payments/post-payments.handler',
      events: [{ httpApi: 'POST /payments' }],
    });
  });

  test('surehop add event, route and table change nothing when they run again, even after the tests were edited', async () => {
    (await addAll()).write();
    for (const name of ['customer-renamed-event', 'post-payments', 'shipping-labels-table'])
      writeFileSync(join(project, `test/${name}.test.ts`), '// edited\n');
    const before = contents();
    expect((await addAll()).write()).toEqual([]);
    expect(contents()).toEqual(before);
  });

  test.each(['customer-renamed-event', 'post-payments', 'shipping-labels-table'])(
    'surehop add event, route and table do not overwrite an existing test %s that somebody else wrote',
    async (name) => {
      writeFileSync(join(project, `test/${name}.test.ts`), '// by hand\n');
      const before = contents();
      await expect(addAll()).rejects.toThrow(`test/${name}.test.ts exists already and was not overwritten`);
      expect(contents()).toEqual(before);
    },
  );

  test('surehop add event, route and table show their tests as a diff, and a dry run writes no file', async () => {
    const before = contents();
    const diff = (await addAll()).diff();
    for (const name of ['customer-renamed-event', 'post-payments', 'shipping-labels-table'])
      expect(diff).toContain(`+++ test/${name}.test.ts`);
    expect(contents()).toEqual(before);
  });

  test('surehop add route for an existing event writes an example that matches the schema, and no second definition of the event', async () => {
    const changes = new Changes(project);
    await addRoute(changes, await service(), 'PUT /orders', { event: 'order.placed' });
    const written = changes.write();
    expect(written.toSorted()).toEqual([
      'changed serverless.yml',
      'created functions/orders/put-orders.ts',
      'created test/put-orders.test.ts',
    ]);
    await expectFormatted(written.map((line) => line.split(' ')[1]!));
  });
});

describe('edits of source files', () => {
  const property = { file: 'a.ts', constant: 'queues', name: 'b', value: '2' };

  test.each([
    ['an empty object', 'export const queues = {};\n', 'export const queues = {\n  b: 2,\n};\n'],
    [
      'a type annotation',
      'export const queues: Record<string, X> = {};\n',
      'export const queues: Record<string, X> = {\n  b: 2,\n};\n',
    ],
    [
      'one line',
      'export const queues = { a: 1 } as const;\n',
      'export const queues = {\n  a: 1,\n  b: 2,\n} as const;\n',
    ],
    [
      'no last comma',
      'export const queues = {\n  a: 1 // }\n};\n',
      'export const queues = {\n  a: 1, // }\n  b: 2,\n};\n',
    ],
    [
      'braces in strings and comments',
      "export const queues = {\n  a: '}', // }\n  /* } */\n};\nconst c = {};\n",
      "export const queues = {\n  a: '}', // }\n  /* } */\n  b: 2,\n};\nconst c = {};\n",
    ],
    ['the property itself', 'export const queues = { a: 1, b: 1 };\n', 'export const queues = { a: 1, b: 1 };\n'],
    [
      'a nested property of the same name',
      'export const queues = {\n  a: { b: 1 },\n};\n',
      'export const queues = {\n  a: { b: 1 },\n  b: 2,\n};\n',
    ],
  ])('surehop add can add a property to an object with %s', (_, before, after) => {
    expect(addProperty(before, property)).toBe(after);
  });

  test('surehop add inserts a function into serverless.yml after the last function and before the comments and sections that follow', () => {
    const text =
      '# top\nfunctions:\n  a:\n    handler: a.b # here\n    events:\n      - httpApi: GET /\n# after\nresources: {}\n';
    expect(addFunction(text, 'c', ['handler: c.d'])).toBe(
      '# top\nfunctions:\n  a:\n    handler: a.b # here\n    events:\n      - httpApi: GET /\n  c:\n    handler: c.d\n# after\nresources: {}\n',
    );
    expect(addFunction(text, 'a', ['handler: c.d'])).toBe(text);
  });
});
