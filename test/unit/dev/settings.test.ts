import { describe, expect, test } from '@jest/globals';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guessManagementUrl } from '../../../infra/dev/runtime/broker/given.ts';
import { Problem } from '../../../infra/dev/runtime/command-line.ts';
import { readSettings } from '../../../infra/dev/runtime/settings.ts';

const LOCAL = join(tmpdir(), 'surehop-nowhere', '.local');

function problemOf(environment: NodeJS.ProcessEnv): Problem {
  try {
    readSettings(environment, LOCAL);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error(`expected readSettings to refuse ${JSON.stringify(environment)}, but it returned settings`);
}

describe('the settings of the dev environment', () => {
  test('without settings, npm start uses port 3000, starts its own broker and store, and keeps its cache in the clone of the repository', () => {
    expect(readSettings({}, LOCAL)).toEqual({
      httpPort: 3_000,
      amqpUrl: undefined,
      managementUrl: undefined,
      dynamodbEndpoint: undefined,
      tablePrefix: undefined,
      cacheDirectory: join(LOCAL, 'cache'),
    });
  });

  test('npm start treats an empty environment variable like one that is not set', () => {
    expect(readSettings({ HTTP_PORT: '', AMQP_URL: '' }, LOCAL)).toMatchObject({ httpPort: 3_000, amqpUrl: undefined });
  });

  test.each(['abc', '0', '70000', '80.5', ' ', '1e3', '-1', '9'.repeat(400)])(
    'npm start fails with the setting HTTP_PORT=%s',
    (value) => {
      const { message, exitCode } = problemOf({ HTTP_PORT: value });
      expect(message).toMatch(
        /^wrong setting: HTTP_PORT is ".*"…?: it must be a TCP port from 1 to 65535, for example HTTP_PORT=3000$/,
      );
      expect(exitCode).toBe(2);
    },
  );

  test('the error message about an invalid AMQP_URL does not contain the password in the URL', () => {
    const { message } = problemOf({ AMQP_URL: 'http://ada:secret@broker' });
    expect(message).toContain('http://ada:***@broker');
    expect(message).not.toContain('secret');
  });

  test('npm start keeps its cache in XDG_CACHE_HOME if it is set, otherwise in HOME, or in the clone if the directory HOME does not exist', () => {
    const home = mkdtempSync(join(tmpdir(), 'surehop-home-'));
    const cacheOf = (environment: NodeJS.ProcessEnv) => readSettings(environment, LOCAL).cacheDirectory;
    expect(cacheOf({ HOME: home, XDG_CACHE_HOME: join(home, 'x') })).toBe(join(home, 'x', 'surehop'));
    expect(cacheOf({ HOME: home })).toBe(join(home, '.cache', 'surehop'));
    expect(cacheOf({ HOME: '/nonexistent' })).toBe(join(LOCAL, 'cache'));
  });

  test('if the cache directory is not writable, npm start fails with an error that names the setting SUREHOP_CACHE', () => {
    expect(problemOf({ SUREHOP_CACHE: '/dev/null/cache' }).message).toContain('SUREHOP_CACHE is "/dev/null/cache"');
  });

  test.each([
    ['amqp://127.0.0.1:5680', 'http://guest:guest@127.0.0.1:15672'],
    ['amqp://ada:pw@broker:5672/vhost', 'http://ada:pw@broker:15672'],
    ['amqps://ada:pw@b-1.mq.eu-central-1.amazonaws.com:5671', 'https://ada:pw@b-1.mq.eu-central-1.amazonaws.com'],
  ])('if the setting AMQP_URL is %s, the default URL of the management API is %s', (amqpUrl, managementUrl) => {
    expect(guessManagementUrl(amqpUrl)).toBe(managementUrl);
  });
});
