import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { eventually } from '../support/eventually.ts';
import { aService, type RunningService } from '../support/service.ts';

// Each command starts a process, which takes long on a busy machine.
jest.setTimeout(300_000);

let service: RunningService;
let token: string;
const folder = mkdtempSync(join(tmpdir(), 'surehop-commands-'));

beforeAll(async () => {
  service = await aService();
  token = await service.token('dead-letters:read', 'dead-letters:redrive');
});
afterAll(async () => {
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function surehop(...args: string[]): Promise<{ code: number; out: string; said: string }> {
  const bin = join(rootDirectory, 'infra/dev/surehop.mjs');
  const env = { ...process.env, AMQP_URL: service.host.amqpUrl, SUREHOP_TOKEN: token, SIGNING_SECRETS: '' };
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { cwd: rootDirectory, env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, said: out + err }),
    );
  });
}
const at = () => ['--url', service.url];
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('› '));

const order = { customerId: 'ada', currency: 'EUR', items: [{ sku: 'apple', quantity: 1, unitPrice: 150 }] };

describe('surehop send', () => {
  test('surehop send signs a request, and a repetition with the same key gets the same response', async () => {
    const send = () => surehop('send', 'POST', '/orders', JSON.stringify(order), '--key', 'sent-twice', ...at());
    const [first, second] = [await send(), await send()];
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('"status":"accepted"') });
    expect(second).toEqual(first);
  });

  test('surehop send can read the body of a request from a file', async () => {
    const file = join(folder, 'order.json');
    writeFileSync(file, JSON.stringify(order));
    expect(await surehop('send', 'post', '/orders', `@${file}`, ...at())).toMatchObject({ code: 0 });
  });

  test('surehop send prints the status of a refused request and ends with exit code 1', async () => {
    const { code, said } = await surehop('send', 'POST', '/orders', '{}', ...at());
    expect(code).toBe(1);
    expect(said).toContain('"status":400');
    expect(said).toContain('surehop: POST /orders was answered with 400 Bad Request\n');
  });

  test('if a route for operators refuses a request without a token, surehop send suggests the option --scope', async () => {
    const { code, said } = await surehop('send', 'GET', '/status', ...at());
    expect([code, said]).toEqual([1, expect.stringContaining('pass --scope')]);
  });
});

describe('surehop publish and surehop dead-letters', () => {
  const wrong = (reason: string) => JSON.stringify({ not: reason });
  const list = (...filter: string[]) => surehop('dead-letters', 'list', ...filter, ...at());

  test('a wrong event that surehop publish sends becomes a dead letter of every queue that receives its type', async () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, wrong('an order'));
    const { code, said } = await surehop(
      'publish',
      'order.created',
      `@${file}`,
      '--id',
      'b0a1f5f4-0f5e-5b5e-8d5e-00000000000a',
    );
    expect([code, said]).toEqual([
      0,
      expect.stringMatching(
        /published order\.created with the id b0a1.* to the exchange orders, which routes it to stock, points/,
      ),
    ]);
    await eventually('the dead letters', async () => linesOf((await list()).out).length === 2);
  });

  test('if the topology does not route the given type of event, the error of surehop publish lists the types that it routes', async () => {
    const { code, said } = await surehop('publish', 'order.craeted', '{}');
    expect([code, said]).toEqual([2, expect.stringContaining('it has bindings for order.created, order.rejected')]);
  });

  test('surehop dead-letters list can filter by queue, code, type, reason and time', async () => {
    const [all] = [linesOf((await list()).out)];
    expect(all).toHaveLength(2);
    const ofQueue = linesOf((await list('--queue', 'stock')).out);
    expect(ofQueue).toEqual([expect.stringMatching(/ stock {2}order\.created {2}[A-Z_]+ {2}open {2}attempt 1 {2}/)]);
    const [, code] = / {2}([A-Z_]+) {2}open /.exec(ofQueue[0]!)!;
    expect(linesOf((await list('--code', code!)).out)).toHaveLength(2);
    expect(linesOf((await list('--type', 'order.created', '--since', '1h')).out)).toHaveLength(2);
    expect(linesOf((await list('--type', 'order.rejected')).out)).toEqual([]);
    expect(linesOf((await list('--reason', 'there is no such reason')).out)).toEqual([]);
    expect(linesOf((await list('--until', '2026-01-01T00:00:00Z')).out)).toEqual([]);
    expect((await list('--queue', 'stok')).said).toContain('unknown queue');
  });

  test('surehop dead-letters group counts the dead letters with the same queue, code and reason', async () => {
    const { out } = await surehop('dead-letters', 'group', ...at());
    expect(out).toMatch(/^ {5}1 {2}(stock|points) {2}/);
    expect(out).toContain('2 groups');
  });

  test('surehop dead-letters show prints one dead letter with its message', async () => {
    const [line] = linesOf((await list('--queue', 'stock')).out);
    const { out } = await surehop('dead-letters', 'show', line!.split('  ')[1]!, ...at());
    expect(JSON.parse(out)).toMatchObject({ queue: 'stock', body: { text: wrong('an order') } });
  });

  test('with --dry-run, surehop dead-letters redrive and discard list the dead letters and change nothing', async () => {
    for (const verb of ['redrive', 'discard']) {
      const { code, out } = await surehop('dead-letters', verb, '--queue', 'stock', '--dry-run', ...at());
      expect([code, linesOf(out)]).toEqual([0, [expect.stringContaining(' stock ')]]);
      expect(out).toContain('1 dead letter would be');
    }
    expect(linesOf((await list()).out)).toHaveLength(2);
  });

  test('surehop dead-letters redrive needs ids, a filter or --all', async () => {
    const { code, said } = await surehop('dead-letters', 'redrive', ...at());
    expect([code, said]).toEqual([2, expect.stringContaining('needs ids, or a filter, or --all')]);
  });

  test('surehop dead-letters discard discards the selected dead letters, and redrive --all redrives all others', async () => {
    const discarded = await surehop('dead-letters', 'discard', '--queue', 'stock', '--because', 'a test', ...at());
    expect(discarded).toMatchObject({ code: 0, out: expect.stringContaining('1 dead letter discarded') });
    const redriven = await surehop('dead-letters', 'redrive', '--all', '--because', 'a test', ...at());
    expect(redriven).toMatchObject({ code: 0, out: expect.stringContaining('1 dead letter redriven') });
    await eventually('the redriven message to fail again', async () => linesOf((await list()).out).length === 1);
    expect(linesOf((await list('--status', 'all')).out)).toHaveLength(3);
  });

  test('surehop dead-letters redrive ends with exit code 1 and the reason if a dead letter is not open', async () => {
    const [line] = linesOf((await list('--status', 'discarded')).out);
    const id = line!.split('  ')[1]!;
    const { code, out } = await surehop('dead-letters', 'redrive', id, ...at());
    expect([code, out]).toEqual([1, expect.stringContaining(`not redriven ${id}: 409 `)]);
  });

  test('surehop dead-letters reads all pages of the archive', async () => {
    const { host } = service;
    for (let number = 0; number < 130; number += 1)
      host.channel.publish('orders', 'order.rejected', Buffer.from(wrong('a rejection')), {
        messageId: `page-${number}`,
      });
    await eventually('all dead letters', async () => {
      const lines = linesOf((await list('--queue', 'points')).out);
      return lines.length >= 130;
    });
    const { code, out } = await surehop('dead-letters', 'discard', '--queue', 'points', '--because', 'a test', ...at());
    expect([code, out]).toEqual([0, expect.stringMatching(/13\d dead letters discarded/)]);
    expect(linesOf((await list()).out)).toEqual([]);
  });
});
