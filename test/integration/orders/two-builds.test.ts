import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { orderCreated, type Order } from '../../../functions/orders/events.ts';
import { pointsFor, totalOf } from '../../../functions/orders/total.ts';
import { bundle } from '../../../infra/aws/bundler/bundle.ts';
import { createEnvironment } from '../../../infra/emulator/environment.ts';
import { startMapping, type RunningMapping } from '../../../infra/emulator/mapping.ts';
import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';
import { eventMessage } from '../../../lib/events/publish.ts';
import type { Message } from '../../../lib/events/message.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { eventually } from '../../support/eventually.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';
import { git, whyUnreadable } from '../../support/history.ts';
import { linkPackages } from '../../support/link-packages.ts';

/** The Git commit of the previous release. Update this hash with every release. */
const PREVIOUS = '063df5aeb7936db1ec362a7373ac07a964acc1e3';

const CONSUMERS = {
  stock: 'test/faults/functions/reserve-stock',
  points: 'test/faults/functions/award-points',
  'dead-letters': 'test/faults/functions/archive',
} as const;

/**
 * Unpacks the sources of the previous release into `directory`, and links the npm packages that are installed in this
 * clone.
 */
function unpackPrevious(directory: string): void {
  mkdirSync(directory);
  const sources = git(
    'archive',
    '--format=tar',
    PREVIOUS,
    'functions',
    'infra',
    'lib',
    'test',
    'package.json',
    'tsconfig.json',
  );
  execFileSync('tar', ['-x', '-C', directory], { input: sources });
  linkPackages(directory);
}

const reason = whyUnreadable(PREVIOUS);
if (reason !== undefined) process.stderr.write(`two-builds.test.ts is skipped: ${reason}\n`);

(reason === undefined ? describe : describe.skip)('two releases of the consumers that run concurrently', () => {
  let setup: ConsumerSetup;
  let store: DynamoDBClient;
  let directory: string;
  /** The number of messages that each release received from each queue. The keys have the form `<release> <queue>`. */
  const received = new Map<string, number>();

  beforeAll(async () => {
    setup = await aConsumerSetup();
    store = new DynamoDBClient({ endpoint: setup.endpoint });
    directory = mkdtempSync(join(tmpdir(), 'surehop-two-builds-'));
    writeFileSync(join(directory, 'sabotage.json'), JSON.stringify({ kills: [], isJammed: false }));
    writeFileSync(join(directory, 'kills'), '');
    unpackPrevious(join(directory, 'previous'));
    for (const [build, root] of [
      ['previous', join(directory, 'previous')],
      ['current', rootDirectory],
    ] as const)
      await bundle({ entries: Object.values(CONSUMERS), outDirectory: join(directory, 'built', build), root });
  });

  afterAll(async () => {
    store.destroy();
    await setup.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  function start(build: 'previous' | 'current', queue: keyof typeof CONSUMERS): RunningMapping {
    const environment = createEnvironment({
      modulePath: join(directory, 'built', build, CONSUMERS[queue]),
      exportName: 'handler',
      workingDirectory: directory,
      variables: {
        AMQP_URL: setup.host.amqpUrl,
        DYNAMODB_ENDPOINT: setup.endpoint,
        TABLE_PREFIX: setup.tablePrefix,
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        POWERTOOLS_METRICS_DISABLED: 'true',
        LOG_LEVEL: 'ERROR',
        FAULTS_SABOTAGE: join(directory, 'sabotage.json'),
        FAULTS_KILLS: join(directory, 'kills'),
      },
      timeoutMs: 30_000,
      memoryMb: 512,
      // The test prints the log lines of the function, but not the version warnings of Node.js and the AWS SDK.
      onLine: (line) => void (line.startsWith('{') && process.stderr.write(`${build} ${line}\n`)),
    });
    const quiet = () => {};
    return startMapping({
      url: setup.host.amqpUrl,
      virtualHost: setup.host.name,
      eventSourceArn: 'arn:aws:mq:eu-central-1:000000000000:broker:local:b-1',
      functionKey: `${build}-${queue}`,
      queue,
      // Small batches let both builds receive every kind of message.
      batchSize: 3,
      batchingWindowMs: 20,
      onError: 'nack',
      environments: [environment],
      log: { notice: quiet, warning: quiet, error: quiet },
      onReport(line) {
        const { records } = JSON.parse(line) as { records: number };
        const key = `${build} ${queue}`;
        received.set(key, (received.get(key) ?? 0) + records);
      },
    });
  }

  const work = async (builds: readonly ('previous' | 'current')[], until: () => Promise<boolean>) => {
    const queues = Object.keys(CONSUMERS) as (keyof typeof CONSUMERS)[];
    const running = builds.flatMap((build) => queues.map((queue) => start(build, queue)));
    try {
      await eventually('all messages are processed', until);
    } finally {
      await Promise.all(running.map((one) => one.stop()));
    }
  };

  const items = async (table: string) =>
    (await store.send(new ScanCommand({ TableName: setup.tablePrefix + table, ConsistentRead: true }))).Items ?? [];

  const total = async (table: string, attribute: string) =>
    (await items(table)).reduce((sum, item) => sum + Number(item[attribute]?.N ?? 0), 0);

  test("if the previous and the current release consume the same queues at the same time, each message's effects are applied exactly once", async () => {
    const kinds = ['sound', 'sound', 'sound', 'sound', 'fails1', 'fails2', 'soldout', 'poison'];
    const orders = Array.from({ length: 48 }, (_, n) => {
      const kind = kinds[n % kinds.length]!;
      const item = { sku: kind === 'soldout' ? 'rare' : 'common', quantity: 1 + (n % 3), unitPrice: 1_000 };
      const order: Order = { customerId: `${kind}.${n % 5}`, currency: 'EUR', items: [item] };
      return { kind, order, id: randomUUID() as MessageId };
    });
    const messages = orders.map(({ order, id }): Message =>
      eventMessage(orderCreated, { ...order, orderId: id }, { id, appId: 'shop', publishedAtMs: Date.now() }),
    );
    const publish = async () => expect((await setup.publisher.publishAll(messages)).filter(Boolean)).toEqual([]);
    const served = orders.filter(({ kind }) => kind !== 'soldout' && kind !== 'poison');
    const expected = {
      stock: -served.reduce((sum, { order }) => sum + order.items[0]!.quantity, 0),
      points: served.reduce((sum, { order }) => sum + pointsFor(totalOf(order), 'EUR'), 0),
      deadLetters: 2 * orders.filter(({ kind }) => kind === 'poison').length,
    };
    const initial = { sku: { S: 'common' }, available: { N: '10000' } };
    await store.send(new PutItemCommand({ TableName: `${setup.tablePrefix}stock`, Item: initial }));
    const ledger = async () => ({
      stock: (await total('stock', 'available')) - 10_000,
      points: await total('points', 'points'),
      deadLetters: (await items('dead-letters')).filter((item) => item['status'] !== undefined).length,
    });

    await publish();
    await work(['previous', 'current'], async () => isEqual(await ledger(), expected));
    for (const build of ['previous', 'current'])
      for (const queue of Object.keys(CONSUMERS)) expect(received.get(`${build} ${queue}`) ?? 0).toBeGreaterThan(0);

    // The test publishes every message again to one build only, which must detect the messages that the other build completed.
    for (const build of ['previous', 'current'] as const) {
      received.clear();
      await publish();
      await work([build], async () =>
        ['stock', 'points'].every((queue) => (received.get(`${build} ${queue}`) ?? 0) >= orders.length),
      );
      expect(await ledger()).toEqual(expected);
    }
  });
});

const isEqual = (one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>) =>
  Object.entries(one).every(([name, value]) => other[name] === value);
