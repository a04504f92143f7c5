import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { missingBroker, missingStore, unsupportedPlatform } from '../../../infra/dev/runtime/platform.mjs';

const machine = (platform: string, arch: string, offers: object = {}) => {
  return { platform, arch, hasDocker: false, hasRabbitmq: false, hasApt: false, ...offers };
};

/**
 * Returns which programs `npm start` reports as missing on a machine: `store` stands for DynamoDB, and `broker` for
 * RabbitMQ.
 */
const missingOn = (one: ReturnType<typeof machine>, settings: object = {}): string[] => [
  ...(missingStore(one, settings) === undefined ? [] : ['store']),
  ...(missingBroker(one, settings) === undefined ? [] : ['broker']),
];

describe('what npm start needs on a platform', () => {
  test.each([
    ['Debian on x64', machine('linux', 'x64', { hasApt: true }), []],
    ['another Linux on x64', machine('linux', 'x64'), ['broker']],
    ['another Linux on x64 with an installed RabbitMQ', machine('linux', 'x64', { hasRabbitmq: true }), []],
    ['Debian on arm64', machine('linux', 'arm64', { hasApt: true }), ['store']],
    ['Linux on arm64 with Docker', machine('linux', 'arm64', { hasDocker: true }), []],
    ['macOS on arm64', machine('darwin', 'arm64'), ['store', 'broker']],
    ['macOS on x64 with an installed RabbitMQ', machine('darwin', 'x64', { hasRabbitmq: true }), ['store']],
    ['macOS on arm64 with Docker', machine('darwin', 'arm64', { hasDocker: true }), []],
  ])('%s', (_, one, missing) => {
    expect(missingOn(one)).toEqual(missing);
  });

  test('if the settings name a running RabbitMQ and a running DynamoDB, npm start needs nothing else on any platform', () => {
    const settings = { AMQP_URL: 'amqp://host', DYNAMODB_ENDPOINT: 'http://host:8000' };
    expect(missingOn(machine('darwin', 'arm64'), settings)).toEqual([]);
  });

  test('on an unsupported platform, the error names the platform, the alternatives, and an existing section of README.md', () => {
    const mac = machine('darwin', 'arm64');
    const errors = [missingStore(mac, {}), missingBroker(mac, {}), unsupportedPlatform({ platform: 'win32' })];
    expect(errors[0]).toMatch(/darwin-arm64: start Docker, or set DYNAMODB_ENDPOINT/);
    expect(errors[1]).toMatch(/darwin-arm64.*: start Docker, install RabbitMQ, or set AMQP_URL/);
    expect(errors[2]).toMatch(/Windows is not supported: .* WSL 2/);
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    for (const error of errors) {
      const [, chapter] = /see "(.+)" in README\.md/.exec(error!)!;
      expect(readme).toContain(`## ${chapter}\n`);
    }
  });

  test('npm start supports Linux and macOS', () => {
    for (const platform of ['linux', 'darwin']) expect(unsupportedPlatform({ platform })).toBeUndefined();
  });
});
