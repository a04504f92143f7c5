import { describe, expect, test } from '@jest/globals';

import { reserveConcurrency } from '../../infra/aws/service/connections.ts';
import { httpEnvironment } from '../../infra/aws/service/environment.ts';
import { emulatedEventSources, eventSources } from '../../infra/aws/service/event-sources.ts';
import { prod } from '../../infra/stages/prod.ts';
import { readStage } from '../../infra/stages/read-stage.ts';
import { workQueue } from '../../lib/rabbitmq/topology/define.ts';

const changed = (change: (stage: typeof prod) => unknown): Record<string, unknown> => {
  const copy = structuredClone(prod);
  change(copy);
  return { prod: copy };
};

describe('the settings of a stage', () => {
  test.each([
    ['a wrong log level', (stage: any) => (stage.logLevel = 'LOUD'), /infra\/stages\/prod\.ts: logLevel: /],
    ['a missing retention', (stage: any) => delete stage.retention.inboxDays, /retention\.inboxDays: /],
    ['a batch too large', (stage: any) => (stage.eventSource.batchSize = 10_001), /eventSource\.batchSize: /],
    [
      'a time limit over that of the event source',
      (stage: any) => (stage.functions.consumer.timeoutSeconds = 900),
      /functions\.consumer\.timeoutSeconds: /,
    ],
    [
      'a period that CloudWatch Logs does not know',
      (stage: any) => (stage.logRetentionDays = 31),
      /logRetentionDays: /,
    ],
    [
      'a broker that has no quorum queues by default',
      (stage: any) => (stage.broker.engineVersion = '3.13'),
      /broker\.engineVersion: /,
    ],
    ['a setting that nobody reads', (stage: any) => (stage.logLevle = 'INFO'), /logLevle/],
    [
      'an address that is none',
      (stage: any) => stage.alarms.emails.critical.push('nobody'),
      /alarms\.emails\.critical\.0: /,
    ],
  ])('are refused with their name: %s', (_, change, name) => {
    expect(() => readStage('prod', changed(change))).toThrow(name);
  });

  test('name every fault at once', () => {
    const faulty = changed((stage: any) => {
      stage.logLevel = 'LOUD';
      delete stage.release;
    });
    expect(() => readStage('prod', faulty)).toThrow(/logLevel: .*; release: /);
  });
});

describe('the event sources of a queue', () => {
  const queuesOf = (sources: readonly unknown[]) =>
    sources.map((source) => (source as { rabbitmq: { queue: string } }).rabbitmq.queue);

  test('are one for each shard', () => {
    const stock = workQueue('stock', { shards: 3, retiring: 1 });
    expect(queuesOf(eventSources('stock', 'prod', prod, { stock }))).toEqual(stock.shards);
    expect(stock.shards).toHaveLength(4);
  });

  test('are refused for an ordered queue that several environments are to work on, by its name', () => {
    const ledger = workQueue('ledger', { ordered: true });
    const granted = (concurrency: number | Record<string, number>) => {
      return { eventSource: { ...prod.eventSource, concurrency } };
    };
    const refusal = /eventSource\.concurrency is 2 for the queue ledger, which is declared as ordered/;
    const stock = workQueue('stock');
    expect(() => eventSources('ledger', 'prod', granted(2), { ledger })).toThrow(refusal);
    expect(() => eventSources('ledger', 'local', granted({ ledger: 2 }), { ledger })).toThrow(refusal);
    expect(eventSources('ledger', 'prod', granted({ stock: 2 }), { ledger, stock })).toHaveLength(1);
    expect(eventSources('stock', 'prod', granted({ stock: 2 }), { ledger, stock })).toHaveLength(1);
  });

  test('are refused where concurrency is set for a queue that the topology does not have', () => {
    const stage = { eventSource: { ...prod.eventSource, concurrency: { stocks: 2 } } };
    expect(() => eventSources('stock', 'prod', stage)).toThrow(/no queue "stocks" .* stock, points, dead-letters/);
  });

  test('tell the local event source how many environments work on each queue, and which keep order', () => {
    const ledger = workQueue('ledger', { ordered: true });
    const stock = workQueue('stock', { shards: 2 });
    const stage = { eventSource: { ...prod.eventSource, concurrency: { stock: 4 } } };
    expect(emulatedEventSources(stage, { ledger, stock })).toEqual({
      concurrency: { ledger: 1, stock: 4, 'stock.01': 4, 'dead-letters': 1 },
      ordered: ['ledger'],
    });
  });

  test('are refused for a queue that the topology does not have', () => {
    expect(() => eventSources('stocks', 'prod', prod)).toThrow(/no queue "stocks" .* stock, points, dead-letters/);
  });
});

describe('reserved concurrency', () => {
  const broker = { ...prod.broker, deployment: 'SINGLE_INSTANCE', instanceType: 'mq.m7g.medium' } as const;
  const small = { ...prod, broker, publisherConcurrency: 10_000 };
  const publisher = { access: { login: 'publisher', connections: 'rest' }, environments: 0 } as const;
  const consumer = { access: { login: 'publisher', connections: 2 }, environments: 1 } as const;

  test('gives the publisher what the quota of the broker leaves', () => {
    // 100 connections, of which 80 are planned for: 2 are the consumer's, 5 its event source's.
    expect(reserveConcurrency({ publisher, consumer }, small)).toEqual({ consumer: 2, publisher: 73 });
  });

  test('gives a consumer as much for each environment that AWS lets work on its queue', () => {
    // Of the 80: 5 connections of the event source and 2 of the consumer for each of 4 environments.
    expect(reserveConcurrency({ publisher, consumer: { ...consumer, environments: 4 } }, small)).toEqual({
      consumer: 8,
      publisher: 52,
    });
  });

  test('gives a consumer as much for each of its shards', () => {
    expect(reserveConcurrency({ consumer: { ...consumer, environments: 4 } }, small)).toEqual({ consumer: 8 });
  });

  test('gives the publisher no more than the stage wants', () => {
    expect(reserveConcurrency({ publisher }, { ...small, publisherConcurrency: 7 })).toEqual({ publisher: 7 });
  });

  test('refuses what the broker cannot take, with both numbers', () => {
    const greedy = { access: { login: 'publisher', connections: 90 }, environments: 0 } as const;
    expect(() => reserveConcurrency({ publisher, greedy }, small)).toThrow(
      /100 connections, of which 80 .* 90 are wanted/,
    );
  });

  test('is none where the stage reserves nothing, and what does not fit the broker is refused all the same', () => {
    const unreserved = { ...small, publisherConcurrency: 'unreserved' } as const;
    expect(reserveConcurrency({ publisher, consumer }, unreserved)).toEqual({});
    const greedy = { access: { login: 'publisher', connections: 90 }, environments: 0 } as const;
    expect(() => reserveConcurrency({ publisher, greedy }, unreserved)).toThrow(/90 are wanted/);
  });

  test('fits a cluster of which one node is away', () => {
    const cluster = {
      ...prod,
      broker: { ...broker, deployment: 'CLUSTER_MULTI_AZ' as const },
      publisherConcurrency: 10_000,
    };
    // Three nodes take 300 connections, of which 240 could be planned for; two take 200.
    expect(reserveConcurrency({ publisher }, cluster)).toEqual({ publisher: 200 });
  });

  test('refuses a function that publishes without a bound', () => {
    const endless = { access: { login: 'publisher' }, environments: 0 } as const;
    expect(() => reserveConcurrency({ endless }, prod)).toThrow(/endless publishes: .*access\.connections/);
  });
});

test("functions that verify operators' tokens are told the issuer, and find its keys by themselves", () => {
  const operators = { issuer: 'https://id.example/realms/shop', audience: 'surehop' };
  expect(httpEnvironment('prod', { ...prod, operators }, {})).toMatchObject({
    JWT_VERIFIED_BY: 'function',
    JWT_ISSUER: 'https://id.example/realms/shop',
    JWT_AUDIENCE: 'surehop',
  });
  expect(httpEnvironment('prod', { ...prod, operators }, {})).not.toHaveProperty('JWKS_URL');
});
