import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';

import { Problem } from '../../../infra/dev/runtime/command-line.ts';
import { misspeltSettings, readSettings } from '../../../infra/dev/runtime/settings.ts';
import { commonEnvironment } from '../../../infra/aws/service/environment.ts';
import { dev } from '../../../infra/stages/dev.ts';
import { explainSetting, readAllSettings, settingNames, type SettingName } from '../../../lib/settings.ts';
import { DEVELOPMENT_SECRET } from '../../../lib/http/development.ts';

interface Row {
  readonly wrong: readonly string[];
  /** Valid values of the setting, including the smallest and the largest. */
  readonly right: readonly string[];
  /** Converts the value that was read from the setting back to the text of the setting. The default is `String`. */
  readonly written?: (value: unknown) => string;
  /** Whether the setting is only for deployed stages. `npm start` rejects such a setting. */
  readonly deployedOnly?: true;
}

const whole = (minimum: number, maximum: number): Row => ({
  wrong: [
    'x',
    'ten',
    ' ',
    '1.5',
    '-1',
    '1e3',
    '0x10',
    'Infinity',
    String(minimum - 1),
    String(maximum + 1),
    '9'.repeat(400),
  ],
  right: [String(minimum), String(maximum)],
});

const url = (right: string): Row => ({
  wrong: ['x', ' ', 'localhost:5672', 'ftp://host', `${right.split(':')[0]}://`, '9'.repeat(10_000)],
  right: [right],
});

const word: Row = { wrong: [' ', 'two words', 'x'.repeat(2_049), 'über'], right: ['x', 'x'.repeat(2_048)] };
const secretOf = (byte: number) => `whsec_${Buffer.alloc(64, byte).toString('base64')}`;

const table: Readonly<Record<SettingName, Row>> = {
  STAGE: { wrong: ['Prod', 'a b', '1st', 'x'.repeat(21)], right: ['local'] },
  LOG_LEVEL: { wrong: ['VERBOSE', 'info', ' ', '3', 'SILENT'], right: ['DEBUG', 'INFO', 'WARN', 'ERROR'] },
  SERVICE_NAME: { wrong: ['My Service', '-x', 'x'.repeat(41)], right: ['x', 'x'.repeat(40)] },
  METRICS_NAMESPACE: {
    wrong: ['AWS/Lambda', 'a b', 'ü', 'x'.repeat(256)],
    right: ['x', 'Shop/Orders', 'x'.repeat(255)],
  },
  URN_NAMESPACE: { wrong: ['x', '-shop', 'shop-', 'Shop', 'x'.repeat(33)], right: ['ab', 'my-shop', 'x'.repeat(32)] },
  TABLE_PREFIX: { wrong: ['bad prefix!', 'a/b', 'ü', 'x'.repeat(101)], right: ['a', 'A_b.c-', 'x'.repeat(100)] },
  DEPLOYED_TABLES: { wrong: ['a b', 'inbox,', ',', 'ü'], right: ['inbox', 'inbox,dead-letters'] },
  TABLE_ACCESS: {
    wrong: ['x', ' ', 'null', '[]', '{}', '{"function":"get-order"}', '{"function":1,"tables":{}}'],
    right: ['{"function":"get-order","isConsumer":false,"tables":{"orders":["GetItem"]}}'],
    written: JSON.stringify,
  },
  DYNAMODB_ENDPOINT: url('http://127.0.0.1:8000'),
  AMQP_URL: url('amqps://ada:p%40ss@broker.example.com:5671/orders'),
  BROKER_ENDPOINT: { ...url('amqps://broker.example.com:5671'), deployedOnly: true },
  BROKER_SECRET_ARN: { ...word, deployedOnly: true },
  MANAGEMENT_URL: url('https://ada:secret@broker.example.com'),
  PUBLISH_DEADLINE_MS: whole(100, 25_000),
  HEARTBEAT_SECONDS: whole(1, 60),
  REQUEST_DEADLINE_MS: whole(100, 28_500),
  BREAKER_FAILURES: whole(1, 1_000),
  BREAKER_REST_MS: whole(10, 600_000),
  SIGNING_SECRETS: {
    wrong: [
      'x',
      'local:whsec_x',
      'null',
      '[]',
      '{"shop": "whsec_x"}',
      '{"shop": ["whsec_x"]}',
      JSON.stringify({ 'a b': [secretOf(1)] }),
      JSON.stringify({ one: [secretOf(1)], other: [secretOf(1)] }),
      JSON.stringify({ shop: Array.from({ length: 11 }, (_, byte) => secretOf(byte)) }),
    ],
    right: [
      '{}',
      JSON.stringify({ shop: [secretOf(1), secretOf(2)] }),
      JSON.stringify({ development: [DEVELOPMENT_SECRET] }),
    ],
  },
  SIGNING_SECRETS_ARN: { ...word, deployedOnly: true },
  CRITICAL_TOPIC_ARN: { ...word, deployedOnly: true },
  WARNING_TOPIC_ARN: { ...word, deployedOnly: true },
  JWT_ISSUER: word,
  JWT_AUDIENCE: word,
  JWKS_URL: url('https://login.example.com/.well-known/jwks.json'),
  JWT_VERIFIED_BY: { wrong: ['nobody', 'Function', ' '], right: ['function'] },
  JWT_SCOPE_PREFIX: { wrong: ['surehop', 'a b/', '/', 'x'.repeat(300)], right: ['surehop/'] },
  CONSOLE_CLIENT_ID: word,
  CONSOLE_LOGIN_ORIGINS: {
    wrong: [
      '*',
      ' ',
      'https://login.example.com/',
      'http://login.example.com',
      'https://a.example.com; script-src *',
      ',',
    ],
    right: ['https://login.example.com', 'https://login.example.com,https://tokens.example.com'],
  },
  CORS_ORIGINS: {
    wrong: [
      '*',
      ' ',
      'shop.example.com',
      'https://shop.example.com/',
      'https://*.example.com',
      'https://shop.example.com, https://other.example.com',
      'https://shop.example.com:443',
      ',',
      `https://${'x'.repeat(5_000)}`,
    ],
    right: ['https://shop.example.com', 'http://localhost:8080,https://shop.example.com'],
  },
  MAX_BODY_BYTES: whole(1, 400_000),
  MESSAGE_TIME_LIMIT_MS: whole(10, 600_000),
  BATCH_CONCURRENCY: whole(1, 1_000),
  OUTCOME_LOG_LEVELS: {
    wrong: ['completed', 'completed=info', 'done=INFO', 'completed=INFO;retry=WARN', 'completed=INFO,', ' '],
    right: ['completed=DEBUG,rejected=INFO,duplicate=INFO,retry=WARN,postponed=INFO,dead-letter=ERROR,unfinished=WARN'],
    written: (levels) =>
      Object.entries(levels as object)
        .map(([outcome, level]) => `${outcome}=${level}`)
        .join(','),
  },
  COMPLETED_LINES_PER_BATCH: whole(0, 10_000),
  INBOX_RETENTION_DAYS: whole(1, 365),
  ARCHIVE_RETENTION_DAYS: whole(1, 3_650),
  INBOX_COMPLETE_SINCE: {
    wrong: ['yesterday', '2026-11-22', '2026-02-30T12:00:00Z', '2026-11-22T12:00:00', ' ', '9'.repeat(400)],
    right: ['2026-11-22T12:00:00Z', '2026-11-22T12:00:00.000Z'],
  },
  AUDIT_RETENTION_DAYS: whole(1, 3_650),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http://localhost:4318'),
  OTEL_TRACES_SAMPLER_ARG: {
    wrong: ['x', '-1', '1.5', '2', '1e-3', ' ', '0.'],
    right: ['0', '0.05', '1'],
  },
};

const LOCAL = join(tmpdir(), 'surehop-nowhere', '.local');
const rows = settingNames.map((name) => ({ name, ...table[name] }));

const before = { ...process.env };
afterEach(() => {
  for (const name of settingNames) delete process.env[name];
  Object.assign(process.env, before);
});

function refusal(environment: Record<string, string>): Problem {
  try {
    readSettings(environment, LOCAL);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error(`readSettings accepted invalid settings: ${JSON.stringify(environment).slice(0, 200)}`);
}

describe('settings', () => {
  test.each(rows)(
    'if the setting $name is wrong, npm start exits with code 2 and an error message of one line',
    ({ name, wrong }) => {
      for (const value of wrong) {
        const { message, exitCode } = refusal({ [name]: value });
        expect(exitCode).toBe(2);
        expect(message).not.toContain('\n');
        expect(message.length).toBeLessThan(600);
        expect(message).toMatch(new RegExp(`^wrong setting: (.*; )?${name} is `));
        expect(message).toContain(`for example ${name}=`);
      }
    },
  );

  test.each(rows)(
    'if the setting $name is wrong, a function fails at its start with an error that names the setting and has no stack trace',
    ({ name, wrong }) => {
      for (const value of wrong) {
        const failure = failureOf(() => readAllSettings({ [name]: value }));
        expect(failure.message).toContain(`${name} is `);
        expect(failure.stack).toBe(`SettingsError: ${failure.message}`);
      }
    },
  );

  test('npm start names all wrong settings in one error message', () => {
    const { message } = refusal({ HTTP_PORT: 'x', LOG_LEVEL: 'x', MAX_BODY_BYTES: 'ten', STAGE: 'prod' });
    for (const name of ['HTTP_PORT', 'LOG_LEVEL', 'MAX_BODY_BYTES', 'STAGE']) expect(message).toContain(`${name} is `);
  });

  test.each([
    ['AMQP_URL', 'http://ada:hush@broker'],
    ['AMQP_URL', 'http://ada:hush/hush@hush@broker'],
    ['AMQP_URL', 'amqp://ada:hush'],
    ['SIGNING_SECRETS', '{"shop": ["whsec_hush"]}'],
  ])('the error message about the setting %s=%s does not contain the secret', (name, value) => {
    expect(refusal({ [name]: value }).message).not.toContain('hush');
  });
});

describe('valid settings', () => {
  test.each(rows)(
    'the setting $name accepts its smallest and its largest value',
    ({ name, right, written = String }) => {
      for (const value of right) expect(written(readAllSettings({ [name]: value })[name])).toBe(value);
    },
  );

  test.each(rows)(
    'npm start passes the setting $name to the functions, or rejects the setting if it is only for deployed stages',
    ({ name, right, deployedOnly }) => {
      for (const value of right) {
        if (deployedOnly) {
          expect(refusal({ [name]: value }).message).toMatch(/is only for deployed stages: unset it/);
          continue;
        }
        expect(readSettings({ [name]: value }, LOCAL)).toBeDefined();
        process.env[name] = value;
        expect(commonEnvironment('surehop', 'local', dev)[name]).toBe(value);
      }
    },
  );

  test.each(rows)('an empty value of the setting $name counts as not set', ({ name }) => {
    expect(readAllSettings({ [name]: '' })).toEqual(readAllSettings({}));
    expect(readSettings({ [name]: '' }, LOCAL)).toEqual(readSettings({}, LOCAL));
  });

  test.each(rows)('the example in the error message about the setting $name is a valid value', ({ name }) => {
    expect(() => readAllSettings({ [name]: explainSetting(name).example })).not.toThrow();
  });
});

test('npm start fails if the setting STAGE has a value other than local', () => {
  for (const stage of ['dev', 'prod'])
    expect(refusal({ STAGE: stage }).message).toContain('the local stage is always "local"');
});

test('in a deployed stage, the settings must contain neither the development key nor the development issuer', () => {
  const keys = JSON.stringify({ development: [DEVELOPMENT_SECRET] });
  expect(() => readAllSettings({ STAGE: 'dev', SIGNING_SECRETS: keys })).toThrow('development key');
  expect(() => readAllSettings({ STAGE: 'dev', JWT_ISSUER: 'urn:surehop:development-issuer' })).toThrow(
    'development issuer',
  );
});

describe('misspelled settings', () => {
  test.each([
    ['HTPP_PORT', 'HTTP_PORT'],
    ['AMPQ_URL', 'AMQP_URL'],
    ['AMQP_URI', 'AMQP_URL'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['log_level', 'LOG_LEVEL'],
    ['TABLE_PREFX', 'TABLE_PREFIX'],
    ['SIGNING_SECRET', 'SIGNING_SECRETS'],
    ['DYNAMO_DB_ENDPOINT', 'DYNAMODB_ENDPOINT'],
    ['BATCH_CONCURENCY', 'BATCH_CONCURRENCY'],
  ])('the misspelled environment variable %s causes a warning that suggests the setting %s', (name, meant) => {
    expect(misspeltSettings({ [name]: 'x' })).toEqual([
      `${name} is not a setting and is ignored; did you mean ${meant}?`,
    ]);
  });

  test.each([
    'PATH',
    'HOME',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'LOGNAME',
    'PORT',
    'AWS_REGION',
    'NODE_ENV',
    'LANG',
    'PAGER',
  ])(
    'the environment variable %s, which other software sets too, causes no warning about a misspelled setting',
    (name) => {
      expect(misspeltSettings({ [name]: 'x' })).toEqual([]);
    },
  );
});

function failureOf(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
