import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
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
import { UsageError } from '../../../infra/dev/commands/command.ts';
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
let loads = 0;
/** Loads the current version of a module. Jest itself loads a module only once. */
async function load(file: string): Promise<Record<string, never>> {
  loads += 1;
  const outfile = join(parent, `loaded-${loads}.mjs`);
  await build({
    absWorkingDir: project,
    entryPoints: [`./${file}`],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
  });
  return (await import(pathToFileURL(outfile).href)) as Record<string, never>;
}
const service = async (): Promise<Service> =>
  ({
    ...(await load('infra/topology.ts')),
    ...(await load('infra/tables.ts')),
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

  test('surehop add consumer can add a consumer of an existing event, and the test of the consumer uses data that match the schema of the event', async () => {
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
    addTable(changes, await service(), 'shipping-labels', ['orderId', 'number:N']);
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
    'surehop add event, route and table do not overwrite the test file %s if it was written by hand',
    async (name) => {
      writeFileSync(join(project, `test/${name}.test.ts`), '// by hand\n');
      const before = contents();
      await expect(addAll()).rejects.toThrow(`test/${name}.test.ts exists already and was not overwritten`);
      expect(contents()).toEqual(before);
    },
  );

  test('the diff of "surehop add" contains the test files of the new event, route and table; showing the diff writes no file', async () => {
    const before = contents();
    const diff = (await addAll()).diff();
    for (const name of ['customer-renamed-event', 'post-payments', 'shipping-labels-table'])
      expect(diff).toContain(`+++ test/${name}.test.ts`);
    expect(contents()).toEqual(before);
  });

  test('surehop add route for an existing event writes an example that matches the schema, and does not define the event again', async () => {
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

describe('surehop add refuses what would not load, and writes nothing', () => {
  const edited = (file: string, change: (text: string) => string) =>
    writeFileSync(join(project, file), change(read(file)));

  /**
   * Returns the error text with which a command refuses its arguments, and checks that the command has changed no file.
   */
  async function refusalOf(adding: (changes: Changes) => unknown): Promise<string> {
    const before = contents();
    const changes = new Changes(project);
    const refused = (await Promise.resolve(adding(changes))
      .then(() => changes.write())
      .catch((error: unknown) => error)) as Error;
    expect(refused).toBeInstanceOf(UsageError);
    expect(contents()).toEqual(before);
    return refused.message;
  }

  test.each([
    ['order-placed', { event: 'order.placed' }, /"orderPlaced" cannot be .* the generated code already uses this name/],
    ['delete', { event: 'order.placed' }, /"delete" cannot be .* JavaScript reserves this name/],
    ['queues', { event: 'order.placed' }, /"queues" cannot be .* the generated code already uses this name/],
    ['greet', { event: 'order.paid', orderBy: 'class' }, /"class" cannot be used as the property in --order-by/],
    [
      'greet',
      { event: 'order.paid', orderBy: 'customer-id' },
      /"customer-id" cannot be used as the property in --order-by/,
    ],
    [
      'greet',
      { event: 'order.placed', orderBy: 'nope' },
      /does not define this property for every event of the type order\.placed/,
    ],
    ['greet', { event: 'order.paid', delays: ['10sec'] }, /delay "10sec" is not a whole number followed by/],
    ['greet', { event: 'order.paid', delays: ['10s', '1s'] }, /delays must not decrease/],
    ['greet', { event: 'order.paid', queue: 'dead-letters' }, /declares the queue "dead-letters" twice/],
    ['greet', { event: 'order.paid', exchange: "it's" }, /"it's" cannot be the name of an exchange/],
    [
      'greet',
      { event: 'order.paid', exchange: 'dead-letters' },
      /events cannot be published to the exchange dead-letters, because it is not a topic exchange/,
    ],
    [
      'greet',
      { event: 'order.placed', exchange: 'payments' },
      /order\.placed already exists and is published to the exchange orders/,
    ],
    ['greet', { event: 'order.paid', queue: 'bill-ing' }, /is too similar to the queue billing/],
    [
      'place-order',
      { event: 'order.placed', queue: 'greet' },
      /serverless\.yml already has a different function named place-order/,
    ],
    ['events', { event: 'order.placed' }, /functions\/orders\/events\.ts exists already/],
  ])(
    'surehop add consumer refuses the name %s with the options %j, and the error names the reason',
    async (name, options, message) => {
      expect(await refusalOf(async (changes) => addConsumer(changes, await service(), name, options))).toMatch(message);
    },
  );

  test('surehop add consumer accepts a property in --order-by that the schema of an existing event has', async () => {
    const changes = new Changes(project);
    await addConsumer(changes, await service(), 'greet', { event: 'order.placed', orderBy: 'customerId' });
    changes.write();
    const { queues } = (await load('infra/topology.ts')) as unknown as Service;
    expect(queues['greet']).toMatchObject({ ordered: true });
  });

  test('surehop add consumer refuses a queue name that equals the queue name of an earlier consumer except for punctuation', async () => {
    const changes = new Changes(project);
    await addConsumer(changes, await service(), 'a-1', { event: 'order.paid' });
    changes.write();
    expect(await refusalOf(async (more) => addConsumer(more, await service(), 'a1', { event: 'order.paid' }))).toMatch(
      'the queue name a1 is too similar to the queue a-1',
    );
  });

  test.each(['POST /orders', 'POST /dead-letters/redrive'])(
    'surehop add route refuses the route %s, which another function has',
    async (route) => {
      expect(
        await refusalOf(async (changes) => addRoute(changes, await service(), route, { event: 'order.placed' })),
      ).toMatch(`already has the route ${route}: choose another route`);
    },
  );

  test('surehop add route refuses a route whose function would get a name that another function already has', async () => {
    const changes = new Changes(project);
    await addRoute(changes, await service(), 'POST /a/b', { event: 'order.placed' });
    changes.write();
    expect(
      await refusalOf(async (more) => addRoute(more, await service(), 'POST /a-b', { event: 'order.placed' })),
    ).toMatch('serverless.yml already has a different function named post-a-b');
  });

  test.each([
    ['inbox', /the table name "inbox" belongs to Surehop/],
    ['dead-letters', /the table name "dead-letters" belongs to Surehop/],
    ['queuesamples-', /ends with punctuation/],
    ['bal-ances', /the tables "bal_ances" and "bal-ances" would get the same CloudFormation logical id/],
    ['shipping-labels', /"tables\.shippingLabels" in infra\/tables\.ts already contains the table bal_ances/],
  ])('surehop add table refuses the invalid or conflicting table name %s', async (name, message) => {
    edited('infra/tables.ts', (text) =>
      text.replace(
        'export const tables = {',
        "export const tables = {\n  shippingLabels: defineTable({ name: 'bal_ances', key: { id: 'S' } }),",
      ),
    );
    expect(await refusalOf(async (changes) => addTable(changes, await service(), name, ['id']))).toMatch(message);
  });

  test('surehop add table refuses a partition key and a sort key that are the same attribute', async () => {
    expect(await refusalOf(async (changes) => addTable(changes, await service(), 'labels', ['id', 'id:N']))).toMatch(
      'the partition key and the sort key are both "id": use two different attributes',
    );
  });

  test('surehop add event refuses an event if functions/orders/events.ts already declares a constant with its name, and the error names the line', async () => {
    edited('functions/orders/events.ts', (text) => `${text}\nconst orderPaid = 1;\nvoid orderPaid;\n`);
    expect(await refusalOf(async (changes) => addEvent(changes, await service(), 'order.paid'))).toMatch(
      /functions\/orders\/events\.ts \(line \d+\): .*"orderPaid" has already been declared\. Nothing was written; choose another name/,
    );
  });

  test('surehop add event fails if it cannot edit the list of events, and says how to add the event by hand', async () => {
    edited('functions/events.ts', (text) => text.replace(/\[[^\]]*\]/, 'Object.values({ orderPlaced })'));
    expect(await refusalOf(async (changes) => addEvent(changes, await service(), 'order.paid'))).toMatch(
      /functions\/events\.ts \(line \d+\): .*Nothing was written; add orderPaid to events by hand/,
    );
  });

  test('surehop add does not change a file in which its edit would end up inside a comment or a template', async () => {
    for (const wrapped of [
      '/*\nexport const queues = {\n  a: 1,\n};\n*/',
      'const text = `\nexport const queues = {\n  a: 1,\n};\n`;',
    ])
      expect(() =>
        addProperty(`${wrapped}\nexport { queues } from './other.ts';\n`, {
          file: 'a.ts',
          constant: 'queues',
          name: 'b',
          value: 'f({ c: 1 })',
        }),
      ).toThrow(
        /^a\.ts \(line \d\): surehop add cannot edit this code\. Nothing was written; add "b: f\(\{ c: 1 \}\)" to queues by hand$/,
      );
  });

  test('surehop add refuses to add a property to an object that already contains it as a shorthand property', () => {
    expect(() =>
      addProperty('const b = 1;\nexport const queues = { b };\n', {
        file: 'a.ts',
        constant: 'queues',
        name: 'b',
        value: '2',
      }),
    ).toThrow(/^a\.ts \(line 4\): Duplicate key "b" in object literal\. Nothing was written; add "b: 2"/);
  });
});

describe('surehop add edits files in every style', () => {
  const addEverything = async () => {
    const changes = new Changes(project);
    const name = 'ship-order';
    await addConsumer(changes, await service(), name, { event: 'order.paid', orderBy: 'customerId' });
    addTable(changes, await service(), 'labels', ['orderId']);
    return changes.write();
  };
  const FILES = [
    'infra/topology.ts',
    'infra/tables.ts',
    'functions/events.ts',
    'functions/orders/events.ts',
    'serverless.yml',
  ];
  const SCRIPTS = FILES.filter((file) => file.endsWith('.ts'));
  const restyle = (files: readonly string[], change: (text: string) => string) => {
    for (const file of files) writeFileSync(join(project, file), change(read(file)));
  };

  test.each<[string, readonly string[], (text: string) => string]>([
    ['double quotes', SCRIPTS, (text) => text.replaceAll(/^(import .*)'(.*)';$/gm, '$1"$2";')],
    ['no semicolons', SCRIPTS, (text) => text.replaceAll(/;$/gm, '')],
    ['double quotes and no semicolons', SCRIPTS, (text) => text.replaceAll("'", '"').replaceAll(/;$/gm, '')],
    ['CRLF line ends', FILES, (text) => text.replaceAll('\n', '\r\n')],
    ['a byte-order mark', FILES, (text) => `\ufeff${text}`],
    ['a list of events on one line', ['functions/events.ts'], (text) => text.replace(/\[[^\]]*\]/, '[orderPlaced]')],
    [
      'a regular expression and nested templates among the queues',
      ['infra/topology.ts'],
      (text) =>
        text.replace(
          'export const queues = {',
          "const name = (text: string, _: RegExp) => text;\nexport const queues = {\n  first: workQueue(name(`a${`}${'}'}`.length}`, /[/}]\\/{`'/)),",
        ),
    ],
  ])('surehop add edits files with %s, and the edited files load', async (style, files, change) => {
    restyle(files, change);
    const written = await addEverything();
    for (const file of FILES) expect(written).toContain(`changed ${file}`);
    const { queues, tables } = await service();
    expect(queues['shipOrder']).toMatchObject({ name: 'ship-order', bindings: [{ routingKey: 'order.paid' }] });
    expect(tables['labels']).toMatchObject({ name: 'labels' });
    const { events } = (await load('functions/events.ts')) as unknown as { events: EventDefinition<unknown>[] };
    expect(events.map(({ type }) => type)).toEqual(['order.placed', 'order.paid']);
    expect(parse(read('serverless.yml'), { merge: true }).functions).toHaveProperty('ship-order');
    for (const file of FILES) {
      const lines = read(file).split('\n').slice(0, -1);
      expect(lines.every((line) => line.endsWith('\r'))).toBe(style === 'CRLF line ends');
      expect(read(file).startsWith('\ufeff')).toBe(style === 'a byte-order mark');
    }
    expect(await addEverything()).toEqual([]);
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
  ])('surehop add can add a property to an object literal with %s', (_, before, after) => {
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
