import { expect, jest, test } from '@jest/globals';

import { PackagingPlugin } from '../../../infra/aws/plugin.ts';
import { queueWarnings } from '../../../infra/aws/queue-warning.ts';
import { eventSources } from '../../../infra/aws/service/event-sources.ts';
import type { FunctionDefinition, Serverless } from '../../../infra/aws/serverless.ts';
import { deadLetterQueue, queues } from '../../../infra/topology.ts';
import { dev } from '../../../infra/stages/dev.ts';

const names = [...Object.keys(queues), deadLetterQueue];
const consumers = (consumed: readonly string[]): Record<string, FunctionDefinition> =>
  Object.fromEntries(
    consumed.map((name) => [
      `read-${name}`,
      { name, handler: 'x.handler', events: eventSources(name, 'local', dev) as FunctionDefinition['events'] },
    ]),
  );

test('for each queue that no function consumes, the warning names the queue and the line that is missing under "events" in serverless.yml', () => {
  expect(queueWarnings(consumers(names))).toEqual([]);
  expect(queueWarnings(consumers(names), [...names, 'addresses'])).toEqual([
    'no function in serverless.yml consumes the queue addresses (events: ${consumes:addresses})',
  ]);
  expect(queueWarnings({})).toHaveLength(names.length);
});

test('npm start prints a warning for a queue that no function consumes, and passes to each function the list of the DynamoDB actions that its role would allow', () => {
  const [missing, ...others] = names;
  const functions: Record<string, FunctionDefinition> = {
    ...consumers(others),
    'get-order': {
      name: 'get-order',
      handler: 'x.handler',
      events: [{ httpApi: 'GET /order' }],
      access: { tables: { orders: ['GetItem'] } },
    },
  };
  const serverless = {
    service: { service: 'surehop', functions },
    configSchemaHandler: { defineFunctionProperties: () => {} },
  } as unknown as Serverless;
  const written: string[] = [];
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  try {
    new PackagingPlugin(serverless, {}, { log: { warning: () => {} } }).hooks['before:offline:start:init']();
  } finally {
    write.mockRestore();
  }
  expect(written.map((line) => JSON.parse(line))).toEqual([
    { level: 'WARN', message: expect.stringContaining(`the queue ${missing} (`) },
  ]);
  const accessOf = (key: string) => JSON.parse(String(functions[key]?.environment?.['TABLE_ACCESS']));
  expect(accessOf('get-order')).toEqual({ function: 'get-order', isConsumer: false, tables: { orders: ['GetItem'] } });
  expect(accessOf(`read-${others[0]}`)).toMatchObject({ isConsumer: true, tables: { inbox: expect.anything() } });
});
