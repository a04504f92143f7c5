import { describe, expect, test } from '@jest/globals';
import { declaredMappings, environmentSettings, mappingLine, readSettings } from '../../../infra/emulator/service.ts';
import type { Serverless } from '../../../infra/emulator/service.ts';

const url = 'amqp://guest:secret@localhost:5672';
const silent = { notice() {}, warning() {}, error() {} };

function aServerless(service: Partial<Serverless['service']> = {}): Serverless {
  return {
    serviceDir: '/service',
    classes: { Error },
    service: {
      service: 'orders',
      provider: {},
      functions: {
        reserve: {
          name: 'shop-dev-reserve',
          handler: 'functions/orders/reserve-loans.handler',
          events: [{ rabbitmq: { arn: 'arn:aws:mq:us-east-1:1:broker:shop:b-1', queue: 'loans' } }],
        },
      },
      ...service,
    },
  };
}

describe('the emulated event source', () => {
  test('an event source without settings in serverless.yml gets the defaults of Amazon MQ', () => {
    expect(declaredMappings(aServerless(), url, silent)).toEqual([
      {
        functionKey: 'reserve',
        eventSourceArn: 'arn:aws:mq:us-east-1:1:broker:shop:b-1',
        queue: 'loans',
        virtualHost: '/',
        concurrency: 1,
        batchSize: 100,
        batchingWindowMs: 500,
      },
    ]);
  });

  test('the emulator uses the settings of an event source in serverless.yml, skips a disabled event source, and warns about filter patterns', () => {
    const warnings: string[] = [];
    const functions = {
      notices: {
        name: 'notices',
        handler: 'notices.handler',
        events: [
          {
            rabbitmq: {
              arn: { Ref: 'BrokerArn' },
              queue: 'notices',
              virtualHost: 'shop',
              batchSize: 7,
              maximumBatchingWindow: 2,
              filterPatterns: [{}],
            },
          },
          { rabbitmq: { arn: 'a', queue: 'other', enabled: false } },
          {},
        ],
      },
    };
    const log = { ...silent, warning: (message: string) => void warnings.push(message) };
    const [mapping, ...others] = declaredMappings(aServerless({ functions }), url, log);
    expect(others).toEqual([]);
    expect(mapping).toMatchObject({ queue: 'notices', virtualHost: 'shop', batchSize: 7, batchingWindowMs: 2_000 });
    expect(mapping!.eventSourceArn).toMatch(/^arn:aws:mq:/);
    expect(warnings).toEqual([expect.stringContaining('filterPatterns')]);
  });

  test('the emulator uses the virtual host in the broker URL if an event source names no virtual host', () => {
    const [mapping] = declaredMappings(aServerless(), `${url}/orders%2Feu`, silent);
    expect(mapping!.virtualHost).toBe('orders/eu');
  });

  test('in the emulator, the timeout and the environment variables of a function take precedence over those of the provider in serverless.yml', () => {
    const reserve = {
      name: 'shop-dev-reserve',
      handler: 'functions/v1.2/reserve-loans.nested.handler',
      timeout: 30,
      environment: { COLOUR: 'blue', BROKER: { Ref: 'Broker' } },
    };
    const serverless = aServerless({
      provider: { region: 'eu-west-1', timeout: 5, memorySize: 256, environment: { COLOUR: 'red', SHADE: 3 } },
      custom: { 'serverless-offline': { location: '.build' } },
      functions: { reserve },
    });
    const settings = environmentSettings(serverless, 'reserve');
    expect(settings).toMatchObject({
      modulePath: '/service/.build/functions/v1.2/reserve-loans',
      exportName: 'nested.handler',
      timeoutMs: 30_000,
      memoryMb: 256,
      variables: { COLOUR: 'blue', SHADE: '3', AWS_REGION: 'eu-west-1', AWS_LAMBDA_FUNCTION_NAME: 'shop-dev-reserve' },
    });
    expect(settings.variables).not.toHaveProperty('BROKER');
  });

  test('the setting concurrency is the number of Lambda execution environments that the emulator runs for a queue', () => {
    const custom = { rabbitmqEventSource: { url, concurrency: { loans: 4 } } };
    expect(declaredMappings(aServerless({ custom }), url, silent)).toMatchObject([{ queue: 'loans', concurrency: 4 }]);
  });

  test('the emulator logs one line for each event source, without the password of the broker', () => {
    const custom = { rabbitmqEventSource: { url, concurrency: { loans: 4 } } };
    const lines = [aServerless(), aServerless({ custom })].flatMap((serverless) =>
      declaredMappings(serverless, url, silent).map((mapping) => mappingLine(mapping, url)),
    );
    expect(lines).toEqual([
      'Function "reserve" reads queue "loans" of virtual host "/" at localhost:5672 (batch size 100, batching window 0.5 s).',
      'Function "reserve" reads queue "loans" of virtual host "/" at localhost:5672 (batch size 100, batching window 0.5 s, 4 concurrent environments).',
    ]);
  });

  test.each([
    [{ concurrency: { loans: 0 } }, 'concurrency is 0 for the queue "loans": it must be a whole number from 1 to 32'],
    [{ concurrency: { loans: 33 } }, 'concurrency is 33 for the queue "loans"'],
    [
      { concurrency: { loans: 2 }, ordered: ['loans'] },
      'concurrency is 2 for the queue "loans", which keeps order per key',
    ],
  ])('with the invalid settings %j, the emulator fails with an error that names the queue', (settings, reason) => {
    const custom = { rabbitmqEventSource: { url, ...settings } };
    expect(() => declaredMappings(aServerless({ custom }), url, silent)).toThrow(reason);
  });

  test.each([
    [{ url: 'localhost:5672' }, 'is not an AMQP address'],
    [{ url, onError: 'drop' }, 'must be "nack" or "reject"'],
  ])(
    'with the invalid settings %j, the emulator fails with an error that describes what is wrong',
    (rabbitmqEventSource, reason) => {
      const custom = { rabbitmqEventSource } as Serverless['service']['custom'];
      expect(() => readSettings(aServerless({ custom }))).toThrow(reason);
    },
  );
});
