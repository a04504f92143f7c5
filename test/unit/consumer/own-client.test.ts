import { Readable } from 'node:stream';

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from '@jest/globals';

import { consumer } from '../../../lib/consumer/consumer.ts';
import { readItem } from '../../../lib/dynamodb/read-item.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';
import { aRecord, anEvent, anInvocation } from '../../support/delivery.ts';
import { tables } from '../../support/example/tables.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';

/** Creates a DynamoDB client to which a service has added a middleware. A stub instead of DynamoDB answers all requests. */
function aClientWithMiddleware() {
  const commands: string[] = [];
  const attempts: (string | undefined)[] = [];
  const client = new DynamoDBClient({
    region: 'local',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 3,
    requestHandler: {
      handle: ({ headers }: { headers: Record<string, string> }) => {
        attempts.push(headers['amz-sdk-request']);
        return Promise.resolve({ response: { statusCode: 200, headers: {}, body: Readable.from(['{}']) } });
      },
    },
  });
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        commands.push(String(commandName));
        return next(args);
      },
    { step: 'build', name: 'of-the-service' },
  );
  return { client, commands, attempts };
}

const aSurehop = (dynamodb: DynamoDBClient) =>
  createSurehop({
    environment: { LOG_LEVEL: 'ERROR' },
    clients: {
      dynamodb,
      publisher: { publish: async () => {}, publishAll: async () => [], close: async () => {} },
    },
  });

test("a consumer sends its requests through the middleware of the service's own DynamoDB client, and sends each request only once, because the consumer itself repeats failed requests", async () => {
  const { client, commands, attempts } = aClientWithMiddleware();
  const { counts } = await consumer(aSurehop(client), scriptedConsumer)(
    anEvent([aRecord({ type: 'test.scripted', body: { isbn: 'one' } })]),
    anInvocation(),
  );
  expect(counts).toMatchObject({ completed: 1 });
  // The second request stores when the queue last made progress.
  expect(commands).toEqual(['TransactWriteItemsCommand', 'PutItemCommand']);
  expect(attempts).toEqual(['attempt=1; max=1', 'attempt=1; max=1']);
});

test("a read outside of a consumer is sent through the middleware and with the retries of the service's own DynamoDB client", async () => {
  const { client, commands, attempts } = aClientWithMiddleware();
  await readItem(aSurehop(client), tables.loans, { isbn: 'one' });
  expect(commands).toEqual(['GetItemCommand']);
  expect(attempts).toEqual(['attempt=1; max=3']);
});

test("the toolkit does not change the service's own DynamoDB client", async () => {
  const { client } = aClientWithMiddleware();
  const before = client.middlewareStack.identify();
  await consumer(aSurehop(client), scriptedConsumer)(anEvent([]), anInvocation());
  expect(client.middlewareStack.identify()).toEqual(before);
  expect(await client.config.maxAttempts()).toBe(3);
});
