import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { createEnvironment } from '../../../infra/emulator/environment.ts';
import { startMapping, type RunningMapping } from '../../../infra/emulator/mapping.ts';
import { bundleScript, type BundledScript } from '../../support/bundle-script.ts';
import { eventually } from '../../support/eventually.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

let setup: ConsumerSetup;
let mapping: RunningMapping;
let script: BundledScript;
const outcomes: string[] = [];

beforeAll(async () => {
  setup = await aConsumerSetup();
  script = bundleScript('fatal-consumer.ts');
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env as Record<string, string>;
  const variables = {
    AWS_REGION,
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY,
    AWS_LAMBDA_FUNCTION_NAME: 'fatal',
  } as Record<string, string>;
  Object.assign(variables, {
    AMQP_URL: setup.host.amqpUrl,
    DYNAMODB_ENDPOINT: setup.endpoint,
    TABLE_PREFIX: setup.tablePrefix,
  });
  const silent = () => {};
  mapping = startMapping({
    url: setup.host.amqpUrl,
    virtualHost: setup.host.name,
    queue: 'loans',
    eventSourceArn: 'arn:aws:mq:us-east-1:000000000000:broker:shop:b-1',
    functionKey: 'fatal',
    batchSize: 10,
    batchingWindowMs: 300,
    onError: 'nack',
    environments: [
      createEnvironment({
        modulePath: script.modulePath,
        exportName: 'handler',
        workingDirectory: script.directory,
        variables,
        timeoutMs: 1_500,
        memoryMb: 64,
        onLine: silent,
      }),
    ],
    log: { notice: silent, warning: silent, error: silent },
    onReport: (line) => void outcomes.push((JSON.parse(line) as { outcome: string }).outcome),
  });
});

afterAll(async () => {
  await mapping?.stop();
  await setup?.remove();
  script?.remove();
});

const publish = (isbn: string, type = 'test.scripted') =>
  setup.publisher.publish({
    exchange: '',
    routingKey: 'loans',
    body: Buffer.from(JSON.stringify({ isbn })),
    properties: { messageId: randomUUID(), type, headers: {} },
  });

for (const end of ['exit', 'memory', 'rejection', 'loop'])
  test(`a message that crashes every process that handles it (${end}) is dead-lettered as CRASH_LOOP`, async () => {
    const isbn = randomUUID();
    outcomes.length = 0;
    await Promise.all([publish(isbn), publish(isbn), publish(end), publish(isbn), publish(isbn)]);
    const dead = await eventually('the dead letter', () => setup.host.channel.get('dead-letters', { noAck: true }));
    expect(JSON.parse(dead.content.toString())).toEqual({ isbn: end });
    expect(dead.properties.headers).toMatchObject({
      'surehop-dead-letter-code': 'CRASH_LOOP',
      'surehop-dead-letter-queue': 'loans',
    });
    await eventually('the other messages', async () => (await setup.item('loans', { isbn }))?.available === 4);
    // After three deliveries the message is suspected of crashing the process. A few further runs find it, and after three runs on its own it is dead-lettered.
    const failures = outcomes.filter((outcome) => outcome !== 'success').length;
    expect(failures).toBeGreaterThanOrEqual(4);
    expect(failures).toBeLessThanOrEqual(8);
    expect(await setup.host.drain('dead-letters')).toHaveLength(0);
  });

test('a message whose perform function always ends the process is dead-lettered as CRASH_LOOP, although the leases of the ended processes postpone the message', async () => {
  const isbn = randomUUID();
  outcomes.length = 0;
  await Promise.all([publish(isbn), publish(isbn, 'test.performed'), publish('exit', 'test.performed'), publish(isbn)]);
  // This takes half a minute, because each of the four processes that the message ends leaves a lease of 5.5 s behind.
  const dead = await eventually('the dead letter', () => setup.host.channel.get('dead-letters', { noAck: true }));
  expect(JSON.parse(dead.content.toString())).toEqual({ isbn: 'exit' });
  expect(dead.properties.headers).toMatchObject({
    'surehop-dead-letter-code': 'CRASH_LOOP',
    'surehop-dead-letter-queue': 'loans',
  });
  await eventually('the other messages', async () => (await setup.item('loans', { isbn }))?.available === 3);
  const failures = outcomes.filter((outcome) => outcome !== 'success').length;
  expect(failures).toBeGreaterThanOrEqual(4);
  expect(failures).toBeLessThanOrEqual(8);
  expect(await setup.host.drain('dead-letters')).toHaveLength(0);
}, 120_000);
