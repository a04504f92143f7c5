import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';
import { eventually } from '../../support/eventually.ts';

const INSTALL = JSON.stringify(pathToFileURL(join(rootDirectory, 'infra/dev/install/install.mjs')).href);

const PROGRAMS = {
  npm: 'mkdir -p node_modules/a && echo \'{"packages":{"node_modules/a":{"version":"1.0.0"}}}\' >node_modules/.package-lock.json',
  'apt-cache': '[ "$1" = policy ] || [ "$3" = policy ] || exit 0; echo "  Candidate: 1.0"',
  'apt-get': 'touch rabbitmq-server.deb',
  'dpkg-query': 'exit 1',
  'dpkg-deb':
    'mkdir -p "$3/usr/lib/rabbitmq/lib/rabbitmq_server-1/sbin" "$3/usr/lib/erlang/erts-1" && touch "$3/usr/lib/rabbitmq/lib/rabbitmq_server-1/sbin/rabbitmq-server" "$3/usr/lib/rabbitmq/lib/rabbitmq_server-1/sbin/rabbitmq-env"',
};

describe('the installation before a command runs', () => {
  let root: string;

  const replace = (programs: Partial<Record<keyof typeof PROGRAMS, string>>) => {
    for (const [name, script] of Object.entries(programs))
      writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };

  const start = () => {
    const program = `const { install } = await import(${INSTALL});
      const errors = await install({
        root: process.cwd(), local: process.cwd() + '/.local', group: 'start', needsDebianServer: true, environment: process.env,
      });
      console.log(JSON.stringify({ errors }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      env: { PATH: `${join(root, 'bin')}:${process.env['PATH']}`, SUREHOP_CACHE: join(root, 'cache') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    const ended = new Promise<{ readonly errors?: string[] }>((resolve) =>
      child.once('close', () => resolve(JSON.parse(output.trim().split('\n').at(-1)!))),
    );
    return { ended, output: () => output, signal: (name: NodeJS.Signals) => void child.kill(name) };
  };

  const isUnpacked = () => existsSync(join(root, 'cache/debian/root/complete'));
  const isInstalled = () => existsSync(join(root, 'node_modules/.package-lock.json'));
  const leftovers = () => [
    ...readdirSync(join(root, 'cache/debian')).filter((name) => name.startsWith('unpacking-')),
    ...readdirSync(join(root, '.local')).filter((name) => name.endsWith('.lock')),
  ];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'surehop-install-'));
    for (const name of ['bin', '.local']) mkdirSync(join(root, name));
    writeFileSync(
      join(root, 'package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } }),
    );
    replace(PROGRAMS);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  test('npm install and the unpacking of RabbitMQ run concurrently', async () => {
    // Each of the two programs waits until the other one has begun.
    const meet = (own: string, other: string) =>
      `touch "${root}/${own}"; until [ -e "${root}/${other}" ]; do sleep 0.05; done`;
    replace({
      npm: `${meet('npm-began', 'apt-began')}; ${PROGRAMS.npm}`,
      'apt-get': `${meet('apt-began', 'npm-began')}; ${PROGRAMS['apt-get']}`,
    });
    expect(await start().ended).toEqual({ errors: [] });
    expect([isInstalled(), isUnpacked(), leftovers()]).toEqual([true, true, []]);
  });

  test('if npm fails, RabbitMQ is still unpacked and the error of npm is returned; the next installation only runs npm', async () => {
    replace({ npm: 'echo "npm error code ENOSPC\nnpm error no space left on the disk" >&2; exit 1' });
    const { errors } = await start().ended;
    expect(errors).toEqual([expect.stringMatching(/^cannot install the npm packages: no space left on the disk; /)]);
    expect([isInstalled(), isUnpacked(), leftovers()]).toEqual([false, true, []]);
    replace({ npm: PROGRAMS.npm, 'apt-get': 'exit 1' });
    expect(await start().ended).toEqual({ errors: [] });
    expect(isInstalled()).toBe(true);
  });

  test('if RabbitMQ cannot be unpacked, the npm packages are still installed and the error is returned; the next installation only unpacks RabbitMQ', async () => {
    replace({ 'apt-get': 'echo "E: the server does not answer" >&2; exit 100' });
    const { errors } = await start().ended;
    expect(errors).toEqual([
      expect.stringMatching(/^RabbitMQ could not be unpacked .*: apt-get: E: the server does not answer; set AMQP_URL/),
    ]);
    expect([isInstalled(), isUnpacked(), leftovers()]).toEqual([true, false, []]);
    replace({ npm: 'exit 1', 'apt-get': PROGRAMS['apt-get'] });
    expect(await start().ended).toEqual({ errors: [] });
    expect(isUnpacked()).toBe(true);
  });

  test('the first installation begins with npm ci, and a later one with npm install, which keeps the packages that have not changed', async () => {
    replace({ npm: `echo "$1" >>"${root}/npm.calls"; ${PROGRAMS.npm}` });
    const calls = () => readFileSync(join(root, 'npm.calls'), 'utf8').trim().split('\n');
    expect(await start().ended).toEqual({ errors: [] });
    expect(calls()).toEqual(['ci']);
    writeFileSync(
      join(root, 'node_modules/.package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/a': { version: '0.9.0' } } }),
    );
    expect(await start().ended).toEqual({ errors: [] });
    expect(calls()).toEqual(['ci', 'install']);
    replace({ npm: `echo "$1" >>"${root}/npm.calls"; [ "$1" = ci ] || exit 1; ${PROGRAMS.npm}` });
    writeFileSync(
      join(root, 'node_modules/.package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/a': { version: '0.9.0' } } }),
    );
    expect(await start().ended).toEqual({ errors: [] });
    expect(calls()).toEqual(['ci', 'install', 'install', 'ci']);
  });

  test('if both npm install and the concurrent unpacking of RabbitMQ fail, both errors are returned', async () => {
    replace({ npm: 'exit 7', 'apt-get': 'exit 100' });
    expect((await start().ended).errors).toEqual([
      expect.stringContaining('npm ended with exit code 7'),
      expect.stringContaining('RabbitMQ could not be unpacked'),
    ]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'the signal %s ends the processes of npm and the processes that unpack RabbitMQ, and no temporary files remain',
    async (name) => {
      // npm starts an install script, which must end too.
      replace({
        npm: `sh -c 'echo $$ >"${root}/script.pid"; exec sleep 600' & echo $$ >"${root}/npm.pid"; wait`,
        'apt-get': `echo $$ >"${root}/apt.pid"; exec sleep 600`,
      });
      const { ended, output, signal } = start();
      const pids = () => ['npm.pid', 'script.pid', 'apt.pid'].map((file) => join(root, file));
      await eventually('all programs', async () =>
        pids().every((file) => existsSync(file) && readFileSync(file).length > 0),
      );
      const running = pids().map((file) => Number(readFileSync(file, 'utf8')));
      signal(name);
      expect(await ended).toEqual({});
      expect(output()).toContain('stopping the installation');
      expect(leftovers()).toEqual([]);
      await eventually('the end of all programs', async () => running.every((pid) => !isRunning(pid)));
      replace(PROGRAMS);
      expect(await start().ended).toEqual({ errors: [] });
      expect([isInstalled(), isUnpacked()]).toEqual([true, true]);
    },
  );
});

/** Returns whether a process runs. A zombie process does not count. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
