import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import { store, tableName } from '../../../lib/dynamodb/store.ts';
import { tables } from '../../support/example/tables.ts';
import { httpSettings } from '../../../lib/http/settings.ts';
import { brokerSettings } from '../../../lib/rabbitmq/settings.ts';
import { defineMetrics } from '../../../lib/runtime/metric-table.ts';
import { metricsRecorder } from '../../../lib/runtime/metrics.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';

const metrics = defineMetrics({
  Orders: { kind: 'counter', unit: 'Count', dimensions: [], layer: 'business', meaning: 'orders of a test' },
});

let lines: string[];
const before = { ...process.env };
beforeEach(() => {
  lines = [];
  Object.assign(process.env, { POWERTOOLS_DEV: 'true', POWERTOOLS_METRICS_DISABLED: 'false' });
  jest.spyOn(console, 'log').mockImplementation((line: unknown) => void lines.push(String(line)));
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...before };
});

describe('createSurehop', () => {
  test('if the setting SERVICE_NAME is wrong, createSurehop fails with an error that names this setting', () => {
    expect(() => createSurehop({ environment: { SERVICE_NAME: 'My Service' } })).toThrow(
      'wrong setting: SERVICE_NAME is "My Service": it must be a lower-case letter',
    );
  });

  test('on AWS Lambda, createSurehop fails if the setting STAGE is missing, because the default stage accepts the public development keys', () => {
    const environment = { AWS_LAMBDA_FUNCTION_NAME: 'shop-prod-place-order' };
    expect(() => createSurehop({ environment })).toThrow('wrong setting: STAGE: a Lambda function must name its stage');
    expect(() => createSurehop({ environment: { ...environment, STAGE: '' } })).toThrow('wrong setting: STAGE');
    expect(() => createSurehop({ environment: { ...environment, STAGE: 'prod' } })).not.toThrow();
    expect(() => createSurehop({ environment: { ...environment, IS_OFFLINE: 'true' } })).not.toThrow();
  });

  test('a wrong HTTP setting causes an error when the HTTP settings are read, but not when the broker settings are read', () => {
    const surehop = createSurehop({ environment: { MAX_BODY_BYTES: 'ten' } });
    expect(surehop.settings(brokerSettings).PUBLISH_DEADLINE_MS).toBe(5_000);
    expect(() => surehop.settings(httpSettings)).toThrow('wrong setting: MAX_BODY_BYTES is "ten"');
  });

  test('createSurehop reads the environment variables once, when it is called; later changes have no effect', () => {
    const environment = { HEARTBEAT_SECONDS: '7' };
    const surehop = createSurehop({ environment });
    environment.HEARTBEAT_SECONDS = '8';
    expect(surehop.settings(brokerSettings).HEARTBEAT_SECONDS).toBe(7);
  });

  test('the method surehop.shared() creates a client at the first call, and later calls return the same client', () => {
    const surehop = createSurehop({ environment: {} });
    const make = jest.fn(() => ({}));
    expect(make).not.toHaveBeenCalled();
    expect(surehop.shared(make)).toBe(surehop.shared(make));
    expect(make).toHaveBeenCalledTimes(1);
  });

  test('two instances that createSurehop created in one process have their own table prefixes and DynamoDB clients', () => {
    const [one, other] = ['one-', 'other-'].map((prefix) => createSurehop({ environment: { TABLE_PREFIX: prefix } }));
    expect([tableName(one!, tables.loans), tableName(other!, tables.loans)]).toEqual(['one-loans', 'other-loans']);
    expect(store(one!)).not.toBe(store(other!));
  });

  test('a DynamoDB client that is passed to createSurehop is used instead of one created from the settings', () => {
    const dynamodb = dynamoDbClient({ region: 'eu-central-1' });
    const { config } = store(createSurehop({ environment: {}, clients: { dynamodb } }));
    expect(config).toBe(dynamodb.config);
  });

  test('metrics have the namespace, the service name and the stage from the settings', () => {
    createSurehop({ environment: { SERVICE_NAME: 'shop', STAGE: 'dev', METRICS_NAMESPACE: 'Shop' } });
    metricsRecorder(metrics)({ Orders: 1 });
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({
      _aws: { CloudWatchMetrics: [{ Namespace: 'Shop' }] },
      service: 'shop',
      stage: 'dev',
      Orders: 1,
    });
  });
});
