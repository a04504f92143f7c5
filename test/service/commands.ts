import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import {
  createDeadLetterClient,
  type DeadLetter,
  type DeadLetterClient,
  type Filter,
} from '../../infra/dev/client/dead-letters.ts';
import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { eventually } from '../support/eventually.ts';
import { runHere, type Ran } from '../support/run-here.ts';
import type { RunningService } from '../support/service.ts';

let service: RunningService;
let client: DeadLetterClient;
const folder = mkdtempSync(join(tmpdir(), 'surehop-commands-'));

function start(...args: string[]) {
  const bin = join(rootDirectory, 'infra/dev/surehop.mjs');
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: rootDirectory,
    env: process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += String(text)));
  child.stderr.on('data', (text) => (err += String(text)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, out: () => out, said: () => out + err };
}

/** Runs a command of `surehop` in a process of its own, as a user does. Most tests use `runHere`, which is faster. */
async function surehop(...args: string[]): Promise<Ran> {
  const command = start(...args);
  return { code: await command.ended, out: command.out(), said: command.said() };
}
const at = () => ['--url', service.url];
/** Returns the open dead letters that match a filter. */
async function open(filter: Filter = {}): Promise<DeadLetter[]> {
  const deadLetters: DeadLetter[] = [];
  for await (const deadLetter of client.list({ ...filter, status: 'open' })) deadLetters.push(deadLetter);
  return deadLetters;
}
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('› '));

const order = { customerId: 'ada', currency: 'EUR', items: [{ sku: 'apple', quantity: 1, unitPrice: 150 }] };

export function commandTests(started: () => RunningService): void {
  beforeAll(async () => {
    service = started();
    Object.assign(process.env, {
      AMQP_URL: service.host.amqpUrl,
      TABLE_PREFIX: `${service.host.name}-`,
      SUREHOP_TOKEN: await service.token('dead-letters:read', 'dead-letters:redrive', 'dead-letters:edit'),
      SIGNING_SECRETS: '',
    });
    client = await createDeadLetterClient(service.url);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe('surehop send', () => {
    test('surehop send signs a request, and a repetition with the same key gets the same response', async () => {
      const send = ['send', 'POST', '/orders', JSON.stringify(order), '--key', 'sent-twice', ...at()] as const;
      const [first, second] = [await surehop(...send), await runHere(...send)];
      expect(first).toMatchObject({ code: 0, out: expect.stringContaining('"status":"accepted"') });
      expect(second).toEqual(first);
    });

    test('surehop send can read the body of a request from a file', async () => {
      const file = join(folder, 'order.json');
      writeFileSync(file, JSON.stringify(order));
      expect(await runHere('send', 'post', '/orders', `@${file}`, ...at())).toMatchObject({ code: 0 });
    });

    test('surehop send prints the status of a refused request and ends with exit code 1', async () => {
      const { code, said } = await runHere('send', 'POST', '/orders', '{}', ...at());
      expect(code).toBe(1);
      expect(said).toContain('"status":400');
      expect(said).toContain('surehop: POST /orders was answered with 400 Bad Request\n');
    });

    test('if a route for operators refuses a request without a token, surehop send suggests the option --scope', async () => {
      const { code, said } = await runHere('send', 'GET', '/status', ...at());
      expect([code, said]).toEqual([1, expect.stringContaining('pass --scope')]);
    });
  });

  describe('surehop publish and surehop dead-letters', () => {
    const wrong = (reason: string) => JSON.stringify({ not: reason });
    const list = (...filter: string[]) => runHere('dead-letters', 'list', ...filter, ...at());

    test('a wrong event that surehop publish sends becomes a dead letter of every queue that receives events of this type', async () => {
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
      await eventually('the dead letters', async () => (await open()).length === 2);
    });

    test('if the topology does not route the given type of event, the error of surehop publish lists the types that the topology routes', async () => {
      const { code, said } = await runHere('publish', 'order.craeted', '{}');
      expect([code, said]).toEqual([2, expect.stringContaining('it has bindings for order.created, order.rejected')]);
    });

    test('surehop dead-letters list can filter by queue, code, type, group, text and time', async () => {
      const all = linesOf((await surehop('dead-letters', 'list', ...at())).out);
      expect(all).toHaveLength(2);
      expect(linesOf((await list()).out)).toEqual(all);
      const ofQueue = linesOf((await list('--queue', 'stock')).out);
      expect(ofQueue).toEqual([expect.stringMatching(/ stock {2}order\.created {2}[A-Z_]+ {2}open {2}attempt 1 {2}/)]);
      const [, code] = / {2}([A-Z_]+) {2}open /.exec(ofQueue[0]!)!;
      expect(linesOf((await list('--code', code!)).out)).toHaveLength(2);
      expect(linesOf((await list('--type', 'order.created', '--from', '1h')).out)).toHaveLength(2);
      expect(linesOf((await list('--text', 'b0a1f5f4-0f5e-5b5e-8d5e-00000000000a')).out)).toHaveLength(2);
      const [, group] = / stock {2}.*\n +--group (\w+),/.exec((await runHere('dead-letters', 'group', ...at())).out)!;
      expect(linesOf((await list('--group', group!)).out)).toEqual(ofQueue);
      expect(linesOf((await list('--type', 'order.rejected')).out)).toEqual([]);
      expect(linesOf((await list('--client', 'there-is-no-such-client')).out)).toEqual([]);
      expect(linesOf((await list('--text', 'there is no such reason')).out)).toEqual([]);
      expect(linesOf((await list('--to', '2026-01-01T00:00:00Z')).out)).toEqual([]);
      expect((await list('--queue', 'stok')).said).toContain('unknown queue');
      expect((await list('--from', 'yesterday')).said).toContain(
        '--from is "yesterday": use a duration such as 30m, 2h or 7d',
      );
    });

    test('surehop dead-letters group counts the dead letters with the same queue, code and cause', async () => {
      const { out } = await runHere('dead-letters', 'group', ...at());
      expect(out).toMatch(/^ {5}1 {2}(stock|points) {2}/);
      expect(out).toContain('2 groups');
      expect((await runHere('dead-letters', 'group', '--status', 'discarded', ...at())).out).toContain('0 groups');
    });

    test('surehop dead-letters edit checks a body against the schema of its event, and sends it in place of a dead letter', async () => {
      const messageId = 'b0a1f5f4-0f5e-5b5e-8d5e-00000000000b';
      const poison = await runHere('publish', 'order.created', wrong('an order to edit'), '--id', messageId);
      expect(poison.code).toBe(0);
      const deadLetters = await eventually('the dead letters of both queues', async () => {
        const found = await open({ text: messageId });
        return found.length === 2 && found;
      });
      const { id } = deadLetters.find(({ queue }) => queue === 'points')!;
      const edit = (...args: string[]) => runHere('dead-letters', 'edit', id, ...args, ...at());
      expect(await edit('{}', '--dry-run')).toMatchObject({
        code: 1,
        out: expect.stringContaining('/customerId: '),
        said: expect.stringContaining('nothing was sent'),
      });
      const file = join(folder, 'edited.json');
      writeFileSync(file, JSON.stringify({ ...order, orderId: messageId }));
      expect(await edit(`@${file}`, '--dry-run')).toMatchObject({
        code: 0,
        said: expect.stringContaining('the body matches the schema of order.created v1'),
      });
      expect(await edit(`@${file}`)).toMatchObject({ code: 2, said: expect.stringContaining('edit needs --because') });
      const sent = await edit(`@${file}`, '--because', 'a test');
      expect(sent).toMatchObject({ code: 0, said: expect.stringContaining('was sent to the queue points') });
      expect(await edit('{}', '--because', 'a test')).toMatchObject({ code: 1, said: expect.stringContaining('409') });
      for (const deadLetter of await open({ text: messageId }))
        await client.change('discard', deadLetter.id, { reason: 'a test' });
    });

    test('surehop dead-letters show prints one dead letter with its message', async () => {
      const [deadLetter] = await open({ queue: 'stock' });
      const { out } = await runHere('dead-letters', 'show', deadLetter!.id, ...at());
      expect(JSON.parse(out)).toMatchObject({ queue: 'stock', body: { text: wrong('an order') } });
    });

    test('with --dry-run, surehop dead-letters redrive and discard count the dead letters and change nothing', async () => {
      for (const verb of ['redrive', 'discard']) {
        const { code, out } = await runHere('dead-letters', verb, '--queue', 'stock', '--dry-run', ...at());
        expect([code, out]).toEqual([0, expect.stringContaining('1 dead letter would be')]);
      }
      const ids = (await open()).map(({ id }) => id);
      const selected = await runHere('dead-letters', 'redrive', ...ids, 'no-such-id', '--dry-run', ...at());
      expect(selected).toMatchObject({ code: 0, out: expect.stringContaining('2 dead letters would be redriven') });
      expect(selected.out).toContain('no-such-id  would be skipped: not-found');
      expect(await open()).toHaveLength(2);
    });

    test('surehop dead-letters redrive needs a reason, and either ids, a filter or --all', async () => {
      const nothing = await runHere('dead-letters', 'redrive', ...at());
      expect([nothing.code, nothing.said]).toEqual([
        2,
        expect.stringContaining('needs exactly one of the following: ids, a filter, or --all'),
      ]);
      const unreasoned = await runHere('dead-letters', 'redrive', '--all', ...at());
      expect([unreasoned.code, unreasoned.said]).toEqual([2, expect.stringContaining('redrive needs --because')]);
    });

    test('surehop dead-letters discard discards the selected dead letters, and redrive --all redrives all others', async () => {
      const discarded = await surehop('dead-letters', 'discard', '--queue', 'stock', '--because', 'a test', ...at());
      expect(discarded).toMatchObject({ code: 0, out: expect.stringMatching(/› job-\S+ done: 1 discarded\n$/) });
      const redriven = await surehop('dead-letters', 'redrive', '--all', '--because', 'a test', ...at());
      expect(redriven).toMatchObject({ code: 0, out: expect.stringMatching(/› job-\S+ done: 1 redriven\n$/) });
      await eventually('the redriven message to fail again', async () => (await open()).length === 1);
      expect(linesOf((await list('--status', 'all')).out)).toHaveLength(5);
    });

    test('surehop dead-letters redrive ends with exit code 1 and the reason if a dead letter is not open', async () => {
      const [line] = linesOf((await list('--status', 'discarded')).out);
      const id = line!.split('  ')[1]!;
      const { code, out } = await runHere('dead-letters', 'redrive', id, '--because', 'a test', ...at());
      expect([code, out]).toEqual([
        1,
        expect.stringContaining(`POST /dead-letters/${id}/redrive was answered with 409 `),
      ]);
    });

    const wrongRejections = (count: number, prefix: string) => {
      for (let number = 0; number < count; number += 1)
        service.host.channel.publish('orders', 'order.rejected', Buffer.from(wrong('a rejection')), {
          messageId: `${prefix}-${number}`,
        });
      return eventually('all dead letters', async () => (await open({ queue: 'points' })).length >= count);
    };

    test('surehop dead-letters list reads all pages of the archive, and discard starts a job for all listed dead letters', async () => {
      await wrongRejections(130, 'page');
      expect(linesOf((await list('--queue', 'points')).out).length).toBeGreaterThanOrEqual(130);
      const { code, out } = await surehop(
        'dead-letters',
        'discard',
        '--queue',
        'points',
        '--because',
        'a test',
        ...at(),
      );
      expect([code, out]).toEqual([0, expect.stringMatching(/job-\S+ done: 13\d discarded/)]);
      expect(await open()).toEqual([]);
    });

    test('Ctrl-C ends the command surehop dead-letters but not its job; the subcommand jobs lists the job, and the subcommand cancel cancels it', async () => {
      await wrongRejections(20, 'slow');
      const arguments_ = ['discard', '--all', '--because', 'a test', '--rate', '0.5', ...at()];
      const command = start('dead-letters', ...arguments_);
      await eventually('the first progress', () => / running: [1-9]\d* discarded/.test(command.said()));
      command.child.kill('SIGINT');
      expect(await command.ended).toBe(130);
      const [, cancel] = /surehop (dead-letters cancel job-\S+) cancels it/.exec(command.said())!;
      const id = cancel!.split(' ').at(-1)!;
      const job = async () =>
        linesOf((await runHere('dead-letters', 'jobs', ...at())).out).find((line) => line.includes(id));
      expect(await job()).toMatch(/ running: \d+ discarded$/);
      expect((await runHere('dead-letters', 'cancel', id, ...at())).out).toContain(`${id} cancelled: `);
      const watched = await surehop('dead-letters', 'watch', id, ...at());
      expect([watched.code, watched.out]).toEqual([1, expect.stringContaining(`${id} cancelled: `)]);
      expect((await open()).length).toBeGreaterThan(0);
    });
  });

  describe('surehop table', () => {
    test('surehop table lists the tables of the service with their keys', async () => {
      const { code, out } = await surehop('table');
      expect([code, out]).toEqual([0, expect.stringMatching(/^stock {2}\(sku\)$/m)]);
      expect(out).toMatch(/^inbox {2}\(/m);
      expect((await runHere('table', 'stok')).said).toContain('unknown table "stok": the tables are ');
    });

    test('surehop table put writes items that match the schema, and surehop table shows them one by one and as a list', async () => {
      const file = join(folder, 'stock.json');
      writeFileSync(file, JSON.stringify([1, 2, 3].map((number) => ({ sku: `seed-${number}`, available: number }))));
      expect(await runHere('table', 'stock', 'put', `@${file}`)).toMatchObject({ code: 0, out: '› 3 items written\n' });
      const got = await runHere('table', 'stock', 'get', '{"sku": "seed-2"}');
      expect(JSON.parse(got.out)).toEqual({ sku: 'seed-2', available: 2 });
      const some = await runHere('table', 'stock', '--limit', '2');
      expect(linesOf(some.out)).toHaveLength(2);
      expect(some.out).toContain('there may be more');
      const all = linesOf((await runHere('table', 'stock', '--limit', '1000')).out).filter((line) =>
        line.startsWith('{'),
      );
      expect(all.map((line) => JSON.parse(line) as unknown)).toContainEqual({ sku: 'seed-3', available: 3 });
      expect((await fetch(`${service.url}/stock/seed-3`)).status).toBe(200);
    });

    test.each([
      [['stock', 'put', '{"sku": "wrong", "available": "many"}'], 2, 'available does not match the schema'],
      [['stock', 'put', '{"sku": "wrong", "avaliable": 1}'], 2, 'avaliable is not in the schema of the table stock'],
      [['stock', 'put', '{"available": 1}'], 1, 'the table stock in '],
      [['inbox', 'put', '{}'], 2, 'the table inbox belongs to Surehop'],
      [['stock', 'get', '{"sku": "missing"}'], 1, 'no item has the key {"sku": "missing"}'],
      [['stock', 'drop', 'all'], 2, 'surehop table expects "get KEY" or "put ITEM", but got "drop"'],
    ])('surehop table refuses the arguments %j', async (words, expected, reason) => {
      const { code, said } = await runHere('table', ...words);
      expect([code, said]).toEqual([expected, expect.stringContaining(reason)]);
    });
  });
}
