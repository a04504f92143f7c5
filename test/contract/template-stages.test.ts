import { resolve } from 'node:path';

import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';

import { reserveConcurrency } from '../../infra/aws/service/connections.ts';
import { consoleEnvironment } from '../../infra/aws/service/console-login.ts';
import { commonEnvironment, httpEnvironment } from '../../infra/aws/service/environment.ts';
import { emulatedEventSources, eventSources } from '../../infra/aws/service/event-sources.ts';
import { dev as newDev } from '../../infra/create/template/infra/stages/dev.ts';
import { dev } from '../../infra/stages/dev.ts';
import { prod } from '../../infra/stages/prod.ts';
import { readLocalStage, readStage } from '../../infra/stages/read-stage.ts';
import { defineSettings, wholeNumber, word, type Concern, type Explanation } from '../../lib/runtime/settings.ts';
import { workQueue } from '../../lib/rabbitmq/topology/define.ts';
import { queues } from '../support/example/topology.ts';

const changed = (change: (stage: typeof prod) => unknown): Record<string, unknown> => {
  const copy = structuredClone(prod);
  change(copy);
  return { prod: copy };
};

test('create-surehop generates the stage dev with the same values as the stage dev of the reference service, except for the field `settings`', () => {
  expect({ ...newDev, settings: undefined }).toEqual({ ...dev, settings: undefined });
});

describe('the settings of a stage', () => {
  test.each([
    ['a wrong log level', (stage: any) => (stage.logLevel = 'LOUD'), /infra\/stages\/prod\.ts: logLevel: /],
    ['a missing retention', (stage: any) => delete stage.retention.inboxDays, /retention\.inboxDays: /],
    [
      'a batch size above the maximum',
      (stage: any) => (stage.eventSource.batchSize = 10_001),
      /eventSource\.batchSize: /,
    ],
    [
      'a time limit above the maximum of event sources',
      (stage: any) => (stage.functions.consumer.timeoutSeconds = 900),
      /functions\.consumer\.timeoutSeconds: /,
    ],
    [
      'a retention period that CloudWatch Logs does not offer',
      (stage: any) => (stage.logRetentionDays = 31),
      /logRetentionDays: /,
    ],
    [
      'a broker version without quorum queues by default',
      (stage: any) => (stage.broker.engineVersion = '3.13'),
      /broker\.engineVersion: /,
    ],
    ['an unknown setting', (stage: any) => (stage.logLevle = 'INFO'), /logLevle/],
    [
      'an invalid e-mail address',
      (stage: any) => stage.alarms.emails.critical.push('nobody'),
      /alarms\.emails\.critical\.0: /,
    ],
  ])('stage settings with %s cause an error that names the setting', (_, change, name) => {
    expect(() => readStage('prod', changed(change))).toThrow(name);
  });

  test('when several settings of a stage are invalid, one error names all of them', () => {
    const faulty = changed((stage: any) => {
      stage.logLevel = 'LOUD';
      delete stage.release;
    });
    expect(() => readStage('prod', faulty)).toThrow(/logLevel: .*; release: /);
  });
});

describe('the settings of a stage for the log lines of messages', () => {
  test('functions get the log level of each outcome and the number of log lines per batch as environment variables', () => {
    const stage = { ...prod, outcomeLogLevels: { completed: 'DEBUG', 'dead-letter': 'ERROR' } as const };
    expect(commonEnvironment('surehop', 'prod', { ...stage, completedLinesPerBatch: 7 })).toMatchObject({
      OUTCOME_LOG_LEVELS: 'completed=DEBUG,dead-letter=ERROR',
      COMPLETED_LINES_PER_BATCH: '7',
    });
  });

  test.each([{ done: 'INFO' }, { completed: 'LOUD' }])(
    'the settings of a stage are invalid if the log levels per message outcome are %j',
    (outcomeLogLevels) => {
      expect(() => readStage('prod', { prod: { ...prod, outcomeLogLevels } })).toThrow(
        'wrong settings in infra/stages/prod.ts: outcomeLogLevels',
      );
    },
  );
});

describe('the setting tracing of a stage', () => {
  const exported = { endpoint: 'http://localhost:4318', sampledShare: 0.1 };

  test('functions get the OTLP endpoint and the sampling ratio as environment variables, but not if tracing is off', () => {
    expect(commonEnvironment('surehop', 'prod', { ...prod, tracing: exported })).toMatchObject({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
    });
    expect(Object.keys(commonEnvironment('surehop', 'prod', prod)).filter((name) => name.startsWith('OTEL'))).toEqual(
      [],
    );
  });

  test.each([
    ['a share above 1', { ...exported, sampledShare: 1.5 }],
    ['an endpoint that is not a URL', { ...exported, endpoint: 'localhost:4318' }],
    ['a layer without a version', { ...exported, collectorLayer: 'arn:aws:lambda:eu-central-1:123456789012:layer:x' }],
  ])('the settings of a stage are invalid if the tracing settings contain %s', (_, tracing) => {
    expect(() => readStage('prod', { prod: { ...prod, tracing } })).toThrow(
      'wrong settings in infra/stages/prod.ts: tracing',
    );
  });
});

describe("the service's own settings in a stage", () => {
  const own = defineSettings({
    CARRIER_URL: z
      .url()
      .meta({ description: '', must: 'a URL', example: 'https://carrier.example' } satisfies Explanation),
    RETRIES: wholeNumber('', 3, 0, 9),
    NICKNAME: word({ description: '', example: 'ada' }),
  });
  const read = (settings: object, concern: Concern<unknown> = own) =>
    readStage('prod', { prod: { ...prod, settings } }, concern);

  test('every setting of the service reaches the functions as an environment variable', () => {
    const stage = read({ CARRIER_URL: 'https://carrier.example', RETRIES: 2, NICKNAME: 'ada' });
    expect(commonEnvironment('surehop', 'prod', stage)).toMatchObject({
      CARRIER_URL: 'https://carrier.example',
      RETRIES: '2',
      NICKNAME: 'ada',
    });
  });

  test('a stage can leave out an optional setting of the service that has no default', () => {
    expect(read({ CARRIER_URL: 'https://carrier.example', RETRIES: 2 }).settings).not.toHaveProperty('NICKNAME');
  });

  test.each([
    [
      'missing',
      { RETRIES: 2 },
      'settings: CARRIER_URL: it is missing and must be a URL, for example CARRIER_URL=https',
    ],
    [
      'missing, although it has a default',
      { CARRIER_URL: 'https://a.example' },
      'settings: RETRIES: it is missing and must be',
    ],
    ['wrong', { CARRIER_URL: 'x', RETRIES: 2 }, 'settings: CARRIER_URL is "x": it must be a URL'],
    ['a number out of range', { CARRIER_URL: 'https://a.example', RETRIES: 10 }, 'settings: RETRIES is "10"'],
    ['unknown', { CARRIER_URL: 'https://a.example', RETRIES: 2, RETIRES: 1 }, 'settings: RETIRES is unknown'],
  ])(
    'if a service setting is %s, validating the stage fails with a one-line error that names the setting',
    (_, given, fault) => {
      const reading = () => read(given);
      expect(reading).toThrow(`wrong settings in infra/stages/prod.ts: ${fault}`);
      expect(reading).not.toThrow('\n');
      expect(reading).not.toThrow(/;/);
    },
  );

  test.each(['LOG_LEVEL', 'AWS_REGION', 'lower'])('the service cannot define a setting with the name %s', (name) => {
    const concern = defineSettings({ [name]: wholeNumber('', 3, 0, 9) });
    expect(() => read({ [name]: 1 }, concern)).toThrow(`settings: ${name} cannot be a setting of the service`);
  });

  test('npm start gives functions the settings of the service in infra/stages/local.ts, and the shell can override them', async () => {
    jest.resetModules();
    jest.unstable_mockModule(resolve('infra/settings.ts'), () => ({
      settings: defineSettings({ MAX_LOANS: wholeNumber('largest number of loans', 3, 1, 1_000) }),
    }));
    const { commonEnvironment: environmentWith } = await import('../../infra/aws/service/environment.ts');
    const stage = { ...readLocalStage(), settings: { MAX_LOANS: 7 } } as never;
    const environment = () => environmentWith('surehop', 'local', stage);
    expect(environment()).toMatchObject({ MAX_LOANS: '7' });
    process.env['MAX_LOANS'] = '5';
    expect(environment()).toMatchObject({ MAX_LOANS: '5' });
    process.env['MAX_LOANS'] = 'many';
    expect(environment).toThrow('wrong setting: MAX_LOANS is "many": it must be a whole number from 1 to 1000');
    delete process.env['MAX_LOANS'];
  });
});

describe('the event sources of a queue', () => {
  const queuesOf = (sources: readonly unknown[]) =>
    sources.map((source) => (source as { rabbitmq: { queue: string } }).rabbitmq.queue);

  test('a queue has one event source for each shard', () => {
    const loans = workQueue('loans', { shards: 3, retiring: 1 });
    expect(queuesOf(eventSources('loans', 'prod', prod, { loans }))).toEqual(loans.shards);
    expect(loans.shards).toHaveLength(4);
  });

  test('setting a concurrency above 1 for an ordered queue causes an error that names the queue', () => {
    const ledger = workQueue('ledger', { ordered: true });
    const granted = (concurrency: number | Record<string, number>) => {
      return { eventSource: { ...prod.eventSource, concurrency } };
    };
    const refusal = /eventSource\.concurrency is 2 for the queue ledger, which keeps order per key/;
    const loans = workQueue('loans');
    expect(() => eventSources('ledger', 'prod', granted(2), { ledger })).toThrow(refusal);
    expect(() => eventSources('ledger', 'local', granted({ ledger: 2 }), { ledger })).toThrow(refusal);
    expect(eventSources('ledger', 'prod', granted({ loans: 2 }), { ledger, loans })).toHaveLength(1);
    expect(eventSources('loans', 'prod', granted({ loans: 2 }), { ledger, loans })).toHaveLength(1);
  });

  test('setting a concurrency for a queue that is not in the topology causes an error', () => {
    const stage = { eventSource: { ...prod.eventSource, concurrency: { laons: 2 } } };
    expect(() => eventSources('loans', 'prod', stage, queues)).toThrow(
      /no queue "laons" .* loans, notices, dead-letters/,
    );
  });

  test('the emulator of event sources receives the concurrency of each queue and the names of all ordered queues', () => {
    const ledger = workQueue('ledger', { ordered: true });
    const loans = workQueue('loans', { shards: 2 });
    const stage = { eventSource: { ...prod.eventSource, concurrency: { loans: 4 } } };
    expect(emulatedEventSources(stage, { ledger, loans })).toEqual({
      concurrency: { ledger: 1, loans: 4, 'loans.01': 4, 'dead-letters': 1 },
      ordered: ['ledger'],
    });
  });

  test('defining an event source for a queue that is not in the topology causes an error', () => {
    expect(() => eventSources('laons', 'prod', prod, queues)).toThrow(
      /no queue "laons" .* loans, notices, dead-letters/,
    );
  });
});

describe('the reserved concurrency of functions', () => {
  const broker = { ...prod.broker, deployment: 'SINGLE_INSTANCE', instanceType: 'mq.m7g.medium' } as const;
  const small = { ...prod, broker, publisherConcurrency: 10_000 };
  const publisher = { access: { login: 'publisher', connections: 'rest' }, environments: 0 } as const;
  const consumer = { access: { login: 'publisher', connections: 2 }, environments: 1 } as const;

  test("the publisher's reserved concurrency is the number of broker connections that the other functions leave", () => {
    // Of 100 connections 80 may be planned; the consumer takes 2 and its event source takes 5.
    expect(reserveConcurrency({ publisher, consumer }, small)).toEqual({ consumer: 2, publisher: 73 });
  });

  test("a consumer's reserved concurrency grows with the concurrency of its event source", () => {
    // Each of the 4 environments takes 5 connections for the event source and 2 for the consumer, out of 80.
    expect(reserveConcurrency({ publisher, consumer: { ...consumer, environments: 4 } }, small)).toEqual({
      consumer: 8,
      publisher: 52,
    });
  });

  test("a consumer's reserved concurrency grows with the number of its shards", () => {
    expect(reserveConcurrency({ consumer: { ...consumer, environments: 4 } }, small)).toEqual({ consumer: 8 });
  });

  test("the publisher's reserved concurrency is at most the value that the stage sets", () => {
    expect(reserveConcurrency({ publisher }, { ...small, publisherConcurrency: 7 })).toEqual({ publisher: 7 });
  });

  test('two publishers without weights get equal shares of the broker connections that remain after those of the consumers', () => {
    const shares = reserveConcurrency({ publisher, other: publisher, consumer }, small);
    expect(shares).toEqual({ consumer: 2, publisher: 37, other: 36 });
  });

  test('publishers with weights share the available broker connections in proportion to their weights', () => {
    const heavy = { access: { login: 'publisher', connections: { weight: 3 } }, environments: 0 } as const;
    expect(reserveConcurrency({ publisher, heavy }, small)).toEqual({ publisher: 21, heavy: 59 });
    expect(reserveConcurrency({ publisher, heavy }, { ...small, publisherConcurrency: 2 })).toEqual({
      publisher: 1,
      heavy: 1,
    });
  });

  test('each publisher gets at least one broker connection, and all publishers together get the connections that the other functions leave free, but at most publisherConcurrency', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 40, max: 10_000 }), (given, publisherConcurrency) => {
        const demands = given.map((weight, index) => [
          `publisher-${index}`,
          { access: { login: 'publisher', connections: { weight } }, environments: 0 } as const,
        ]);
        const shares = reserveConcurrency(Object.fromEntries(demands), { ...small, publisherConcurrency });
        const values = Object.values(shares);
        expect(values).toHaveLength(given.length);
        expect(Math.min(...values)).toBeGreaterThanOrEqual(1);
        expect(values.reduce((sum, one) => sum + one, 0)).toBe(Math.min(80, publisherConcurrency));
      }),
    );
  });

  test('if publisherConcurrency is lower than the number of publishers, the error names the lowest valid value', () => {
    expect(() => reserveConcurrency({ publisher, other: publisher }, { ...small, publisherConcurrency: 1 })).toThrow(
      'publisher, other share a publisherConcurrency of 1, but each needs at least 1: set publisherConcurrency to at least 2',
    );
  });

  test('if functions need more connections than the broker allows, the error suggests a lower value of access.connections for one function', () => {
    const greedy = (connections: number) => ({ access: { login: 'publisher', connections }, environments: 0 }) as const;
    const refused = { publisher, other: publisher, greedy: greedy(90), consumer };
    // Of the 80 connections, the consumer and its event source need 7, and each of the two publishers needs 1.
    expect(() => reserveConcurrency(refused, small)).toThrow(
      /need 97 connections, and each of publisher, other needs at least 1 more, but functions and event sources can use only 80 of the broker's 100 connections .*: .* set access\.connections of greedy to at most 71$/,
    );
    expect(reserveConcurrency({ ...refused, greedy: greedy(71) }, small)).toMatchObject({ publisher: 1, other: 1 });
  });

  test('if the execution environments of a consumer need more connections than the broker allows, the error suggests a larger broker', () => {
    const wide = { ...consumer, environments: 20 };
    expect(() => reserveConcurrency({ publisher, wide }, small)).toThrow(/choose a larger broker\.instanceType$/);
  });

  test('if functions need more connections than the broker allows, reserveConcurrency throws an error even in a stage that reserves no concurrency', () => {
    const unreserved = { ...small, publisherConcurrency: 'unreserved' } as const;
    expect(reserveConcurrency({ publisher, consumer }, unreserved)).toEqual({});
    const greedy = { access: { login: 'publisher', connections: 90 }, environments: 0 } as const;
    expect(() => reserveConcurrency({ publisher, greedy }, unreserved)).toThrow(
      /need 90 connections, and each of publisher needs at least 1 more, but /,
    );
  });

  test('the reserved concurrency does not exceed the connections that a broker cluster allows after one node has failed', () => {
    const cluster = {
      ...prod,
      broker: { ...broker, deployment: 'CLUSTER_MULTI_AZ' as const },
      publisherConcurrency: 10_000,
    };
    // Three nodes allow 300 connections, of which 240 may be planned; two nodes allow 200.
    expect(reserveConcurrency({ publisher }, cluster)).toEqual({ publisher: 200 });
  });

  test('reserving broker connections fails for a function that publishes messages but does not set its number of connections', () => {
    const endless = { access: { login: 'publisher' }, environments: 0 } as const;
    expect(() => reserveConcurrency({ endless }, prod)).toThrow(
      /endless publishes messages, but its number of connections is not set: set access\.connections .* to "rest"/,
    );
    expect(() => reserveConcurrency({ endless: { ...endless, environments: 1 } }, prod)).toThrow(
      /endless publishes messages, but its number of connections is not set: set access\.connections .* to 2, because/,
    );
  });
});

describe("the login of people to the operators' console", () => {
  test("with an OpenID provider, the page receives the id of its client and the provider's other origins, if the stage has them", () => {
    const provider = { issuer: 'https://id.example/realms/shop', audience: 'surehop' };
    const full = { ...provider, consoleClient: 'console', loginOrigins: ['https://a.example', 'https://b.example'] };
    expect(consoleEnvironment('surehop', 'prod', { operators: full })).toEqual({
      CONSOLE_CLIENT_ID: 'console',
      CONSOLE_LOGIN_ORIGINS: 'https://a.example,https://b.example',
    });
    expect(consoleEnvironment('surehop', 'prod', { operators: provider })).toEqual({});
  });

  test.each(['https://a.example/login', 'http://a.example', 'https://a.example/'])(
    'reading the settings of a stage fails if an origin of the OpenID provider is %s',
    (origin) => {
      const operators = { issuer: 'https://id.example', audience: 'surehop', loginOrigins: [origin] };
      expect(() => readStage('prod', { prod: { ...prod, operators } })).toThrow('operators');
    },
  );
});

test("functions that verify operators' tokens receive the URL of the token issuer, but not the URL of the issuer's keys", () => {
  const operators = { issuer: 'https://id.example/realms/shop', audience: 'surehop' };
  expect(httpEnvironment('prod', { ...prod, operators }, {})).toMatchObject({
    JWT_VERIFIED_BY: 'function',
    JWT_ISSUER: 'https://id.example/realms/shop',
    JWT_AUDIENCE: 'surehop',
  });
  expect(httpEnvironment('prod', { ...prod, operators }, {})).not.toHaveProperty('JWKS_URL');
});
