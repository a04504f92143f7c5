import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { groupOf, isInstalled, progressOf } from '../../../infra/dev/install/packages.mjs';

const locked = {
  '': {},
  lib: { version: '0.1.0' },
  'node_modules/lib': { resolved: 'lib', link: true },
  'node_modules/amqplib': { version: '2.3.1' },
  'node_modules/jest': { version: '30.5.2', dev: true },
  'node_modules/esbuild-of-another-platform': { version: '1.0.0', optional: true },
};

describe('the installed npm packages', () => {
  let root: string;

  /**
   * Simulates an installation by npm: writes npm's list of installed packages, and the package.json of each package.
   */
  const install = (versions: Record<string, string>) => {
    const packages: Record<string, object> = {};
    for (const [name, version] of Object.entries(versions)) {
      packages[`node_modules/${name}`] = { version };
      mkdirSync(join(root, 'node_modules', name), { recursive: true });
      writeFileSync(join(root, 'node_modules', name, 'package.json'), '{}');
    }
    writeFileSync(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'surehop-install-'));
    mkdirSync(join(root, 'node_modules', 'lib'), { recursive: true });
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: locked }));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  test('npm start needs only the dependencies, and the tests also need the devDependencies', () => {
    install({ amqplib: '2.3.1' });
    expect([isInstalled(root, 'start'), isInstalled(root, 'everything')]).toEqual([true, false]);
    install({ amqplib: '2.3.1', jest: '30.5.2' });
    expect([isInstalled(root, 'start'), isInstalled(root, 'everything')]).toEqual([true, true]);
  });

  test('isInstalled is false if node_modules lacks the link to a package of the repository', () => {
    install({ amqplib: '2.3.1' });
    rmSync(join(root, 'node_modules', 'lib'), { recursive: true });
    expect(isInstalled(root, 'start')).toBe(false);
  });

  test('isInstalled returns false if an npm package is missing or has another version than in package-lock.json, or if npm has not recorded the installed packages', () => {
    expect(isInstalled(root, 'start')).toBe(false);
    install({ jest: '30.5.2' });
    expect(isInstalled(root, 'start')).toBe(false);
    install({ amqplib: '2.3.0', jest: '30.5.2' });
    expect(isInstalled(root, 'start')).toBe(false);
  });

  test('if a devDependency is already installed, npm start installs all packages, because installing only the dependencies would remove the test tools', () => {
    install({ amqplib: '2.3.0' });
    expect(groupOf(root, false)).toBe('start');
    expect(groupOf(root, true)).toBe('everything');
    install({ amqplib: '2.3.0', jest: '30.0.0' });
    expect(groupOf(root, false)).toBe('everything');
  });

  test('the progress of an installation counts the npm packages that are already extracted, but neither links nor optional packages', () => {
    expect(progressOf(root, 'everything')).toEqual({ done: 0, total: 2 });
    install({ amqplib: '2.3.1' });
    expect(progressOf(root, 'everything')).toEqual({ done: 1, total: 2 });
    expect(progressOf(root, 'start')).toEqual({ done: 1, total: 1 });
  });
});
