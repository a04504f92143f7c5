import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { aCheckout } from '../support/packages.ts';
import { aVirtualHost, type VirtualHost } from '../support/broker.ts';
import { runHere } from '../support/run-here.ts';

let host: VirtualHost;
/**
 * A virtual host with the topology of this repository. `runHere` runs the topology command on this virtual host in the
 * process of the tests.
 */
let declared: VirtualHost;
/**
 * A copy of the repository in which infra/topology.ts contains the topology of the tests' example domain, a lending
 * library.
 */
let checkout: ReturnType<typeof aCheckout>;
beforeAll(async () => {
  [host, declared] = await Promise.all([aVirtualHost(), aVirtualHost()]);
  await runHere('topology', 'apply', ...at(declared));
  checkout = aCheckout();
  copyFileSync(join(rootDirectory, 'test/support/example/topology.ts'), join(checkout.directory, 'infra/topology.ts'));
  // The declaration of the reference service names its queues. The guide contains a declaration that names none.
  const guide = readFileSync(join(rootDirectory, 'docs/guides/make-it-yours.md'), 'utf8');
  const [, declaration] = /`infra\/service\.ts`:\n\n```ts\n(.*?)```/s.exec(guide)!;
  writeFileSync(join(checkout.directory, 'infra/service.ts'), declaration!);
});
afterAll(async () => {
  checkout?.remove();
  await host?.remove();
  await declared?.remove();
});

// Some commands start a process, which takes long on a busy machine.
jest.setTimeout(300_000);

/** Runs `npm run topology` as a child process in the test's copy of the repository. */
async function topology(...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [join(checkout.directory, 'infra/dev/surehop.mjs'), 'topology', ...args], {
    cwd: checkout.directory,
    env: { ...process.env, AMQP_URL: '', MANAGEMENT_URL: '' },
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, said };
}

const at = ({ amqpUrl }: VirtualHost) => ['--url', amqpUrl, '--management', process.env['MANAGEMENT_URL']!];
const here = () => at(host);

test('npm run topology verify fails with exit code 1 on an empty broker and names what is missing', async () => {
  expect(await topology('verify', ...here())).toMatchObject({ code: 1, said: expect.stringContaining('is missing') });
});

test('after npm run topology apply, npm run topology plan reports no changes', async () => {
  expect(await topology('plan', ...here())).toMatchObject({ code: 0, said: expect.stringContaining('+ queue loans') });
  expect(await topology('apply', ...here())).toMatchObject({
    code: 0,
    said: expect.stringMatching(/Topology applied\n.*No setting loses messages/),
  });
  expect(await topology('plan', ...here())).toMatchObject({ code: 0, said: '› No changes\n' });
});

test('npm run topology verify fails with exit code 1 if a policy on the broker can lose messages', async () => {
  const verify = () => runHere('topology', 'verify', ...at(declared));
  expect(await verify()).toMatchObject({ code: 0, said: '› No setting loses messages\n' });
  await declared.manage('PUT', `policies/${declared.name}/hurry`, {
    pattern: '.*',
    definition: { overflow: 'drop-head' },
    priority: 99,
    'apply-to': 'all',
  });
  const { code, said } = await verify();
  expect(code).toBe(1);
  expect(said).toContain('! queue "stock" has overflow drop-head (policy "hurry")');
});

test('npm run topology remove fails with exit code 1 for a queue that the service still declares', async () => {
  const { code, said } = await topology('remove', 'loans', ...here());
  expect(code).toBe(1);
  expect(said).toContain('queue "loans" is not a retired queue of this service; retired queues: none');
});

test('npm run topology fails with exit code 1 and without a stack trace if the topology cannot be applied', async () => {
  const replaced = async ({ channel }: VirtualHost, queue: string) => {
    await channel.deleteQueue(queue);
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  };
  const mistake = (queue: string) =>
    new RegExp(
      `queue "${queue}" has x-max-length not set, declared is 500000\\. Immutable: drain and delete the queue, then apply again`,
    );
  await replaced(declared, 'points');
  // `runHere` throws an error of which the command would print the stack trace.
  expect(await runHere('topology', 'plan', ...at(declared))).toMatchObject({
    code: 1,
    said: expect.stringMatching(mistake('points')),
  });
  await replaced(host, 'notices');
  const { code, said } = await topology('apply', ...here());
  expect(code).toBe(1);
  expect(said).toMatch(mistake('notices'));
  expect(said).not.toMatch(/\n\s+at /);
});

test.each([
  ['an unknown command', ['destroy'], 'surehop topology needs a subcommand: plan, apply, verify or remove'],
  ['the removal of no queue', ['remove'], 'remove expects the name of one queue, but got 0 arguments'],
  ['a plan for one queue', ['plan', 'loans'], 'plan expects no arguments, but got 1 argument'],
  [
    'a wrong address',
    ['plan', '--url', 'localhost:5672'],
    '--url must be an address like amqps://user:password@host:5671',
  ],
  ['an unknown option', ['plan', '--force'], "Unknown option '--force'"],
])(
  'if its command line is invalid, npm run topology prints what is wrong and exits with code 2 (%s)',
  async (_, args, said) => {
    expect(await runHere('topology', ...args)).toMatchObject({ code: 2, said: expect.stringContaining(said) });
  },
);

test('npm run topology ends with exit code 2 and names the option --url if npm start is not running and no address is given', async () => {
  expect(await topology('plan')).toMatchObject({
    code: 2,
    said: expect.stringContaining(
      'npm start is not running in this project; pass --url amqps://user:password@host:5671',
    ),
  });
});
