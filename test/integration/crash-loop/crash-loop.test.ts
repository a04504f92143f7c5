import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pMap from 'p-map';

import { createEnvironment } from '../../../infra/emulator/environment.ts';
import { startMapping, type RunningMapping } from '../../../infra/emulator/mapping.ts';
import { bundleScript, type BundledScript } from '../../support/bundle-script.ts';
import { eventually } from '../../support/eventually.ts';
import { aConsumerSetup, quickTopology, type ConsumerSetup } from '../../support/consumer-setup.ts';

const EVENT = 'test.scripted';
const PERFORMED = 'test.performed';

/** The batches of the test. Each batch contains one message that crashes every process that handles the message. */
const scenes = {
  // The scenes that take longest come first.
  // The leases of the ended processes postpone the message.
  perform: { end: 'exit', types: [EVENT, PERFORMED, PERFORMED, EVENT] },
  loop: { end: 'loop', types: [EVENT, EVENT, EVENT, EVENT, EVENT], timeoutMs: 1_500 },
  exit: { end: 'exit', types: [EVENT, EVENT, EVENT, EVENT, EVENT] },
  memory: { end: 'memory', types: [EVENT, EVENT, EVENT, EVENT, EVENT] },
  rejection: { end: 'rejection', types: [EVENT, EVENT, EVENT, EVENT, EVENT] },
} satisfies Record<string, Scene>;

interface Scene {
  readonly end: string;
  /** The event types of the messages in one batch. The third message crashes every process that handles it. */
  readonly types: readonly string[];
  readonly timeoutMs?: number;
}

interface Played {
  readonly dead: { readonly body: unknown; readonly headers: object };
  /** The number of messages that completed although their batch contained a message that crashes every process. */
  readonly completed: number;
  readonly failedInvocations: number;
  readonly otherDeadLetters: number;
}

const CONCURRENT_SCENES = 3;

let script: BundledScript;
const stops: (() => Promise<void>)[] = [];
const played = new Map<string, Played | { readonly error: unknown }>();

beforeAll(async () => {
  script = bundleScript('fatal-consumer.ts');
  const playOne = async ([name, scene]: [string, Scene]) =>
    played.set(name, await play(scene).catch((error: unknown) => ({ error })));
  await pMap(Object.entries(scenes), playOne, { concurrency: CONCURRENT_SCENES });
}, 240_000);

afterAll(async () => {
  for (const stop of stops) await stop();
  script?.remove();
});

async function play({ end, types, timeoutMs = 10_000 }: Scene): Promise<Played> {
  const setup = await aConsumerSetup({}, quickTopology);
  stops.push(() => setup.remove());
  const outcomes: string[] = [];
  const isbn = randomUUID();
  const [first, second, fatal, ...others] = types;
  // The messages are in the queue before the first process starts, so the first batch contains all of them.
  for (const [type, name] of [[first, isbn], [second, isbn], [fatal, end], ...others.map((type) => [type, isbn])])
    await publish(setup, name!, type!);
  const mapping = start(setup, timeoutMs, outcomes);
  stops.unshift(() => mapping.stop());
  const dead = await eventually('the dead letter', () => setup.host.channel.get('dead-letters', { noAck: true }));
  const completed = await eventually('the other messages', async () => {
    const available = Number((await setup.item('loans', { isbn }))?.available);
    return available >= types.length - 1 && available;
  });
  return {
    dead: { body: JSON.parse(dead.content.toString()), headers: dead.properties.headers! },
    completed,
    failedInvocations: outcomes.filter((outcome) => outcome !== 'success').length,
    otherDeadLetters: (await setup.host.drain('dead-letters')).length,
  };
}

function start(setup: ConsumerSetup, timeoutMs: number, outcomes: string[]): RunningMapping {
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env as Record<string, string>;
  const variables = {
    AWS_REGION,
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY,
    AWS_LAMBDA_FUNCTION_NAME: 'fatal',
    AMQP_URL: setup.host.amqpUrl,
    DYNAMODB_ENDPOINT: setup.endpoint,
    TABLE_PREFIX: setup.tablePrefix,
    STARTED_AT: String(Date.now()),
  } as Record<string, string>;
  const silent = () => {};
  return startMapping({
    url: setup.host.amqpUrl,
    virtualHost: setup.host.name,
    queue: 'loans',
    eventSourceArn: 'arn:aws:mq:us-east-1:000000000000:broker:shop:b-1',
    functionKey: 'fatal',
    batchSize: 10,
    batchingWindowMs: 100,
    onError: 'nack',
    environments: [
      createEnvironment({
        modulePath: script.modulePath,
        exportName: 'handler',
        workingDirectory: script.directory,
        variables,
        timeoutMs,
        memoryMb: 64,
        onLine: silent,
      }),
    ],
    log: { notice: silent, warning: silent, error: silent },
    onReport: (line) => void outcomes.push((JSON.parse(line) as { outcome: string }).outcome),
  });
}

const publish = (setup: ConsumerSetup, isbn: string, type: string) =>
  setup.publisher.publish({
    exchange: '',
    routingKey: 'loans',
    body: Buffer.from(JSON.stringify({ isbn })),
    properties: { messageId: randomUUID(), type, headers: {} },
  });

test.each(Object.keys(scenes) as (keyof typeof scenes)[])(
  'a message that crashes every process that handles it (%s) is dead-lettered as CRASH_LOOP, and the other messages of its batch are completed',
  (name) => {
    const result = played.get(name)!;
    if ('error' in result) throw result.error;
    const { end, types } = scenes[name];
    expect(result.dead).toMatchObject({
      body: { isbn: end },
      headers: { 'surehop-dead-letter-code': 'CRASH_LOOP', 'surehop-dead-letter-queue': 'loans' },
    });
    expect(result).toMatchObject({ completed: types.length - 1, otherDeadLetters: 0 });
    // After three deliveries the message is suspected of crashing the process. A few further runs find it, and after three runs on its own it is dead-lettered.
    expect(result.failedInvocations).toBeGreaterThanOrEqual(4);
    expect(result.failedInvocations).toBeLessThanOrEqual(8);
  },
);
