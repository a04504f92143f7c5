import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { writeCursor } from '../../../lib/dead-letters/list.ts';
import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { useExampleTopology } from '../../support/example/use-example.ts';
import { eventually } from '../../support/eventually.ts';
import { takeRecords } from '../../support/from-broker.ts';

let backend: Backend;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];
let continueJobs: (typeof import('../../../functions/dead-letters/continue-jobs.ts'))['handler'];
let list: HttpHandler;
let get: HttpHandler;
let start: HttpHandler;
let jobs: HttpHandler;
let change: HttpHandler;

beforeAll(async () => {
  useExampleTopology();
  backend = await aBackend();
  await backend.declare();
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  ({ handler: continueJobs } = await import('../../../functions/dead-letters/continue-jobs.ts'));
  ({ handler: list } = await import('../../../functions/dead-letters/list.ts'));
  ({ handler: get } = await import('../../../functions/dead-letters/get.ts'));
  ({ handler: start } = await import('../../../functions/dead-letters/start-job.ts'));
  ({ handler: jobs } = await import('../../../functions/dead-letters/jobs.ts'));
  ({ handler: change } = await import('../../../functions/dead-letters/change-job.ts'));
});

afterAll(() => backend.remove());

async function archived(code: string, count: number, publishedAt = new Date().toISOString()) {
  const ids = Array.from({ length: count }, () => randomUUID());
  const records = ids.map((id, index) =>
    aRecord({
      id: `${code}-${index}`,
      headers: {
        'surehop-dead-letter-id': id,
        'surehop-dead-letter-code': code,
        'surehop-dead-letter-reason': 'no shelf',
        'surehop-dead-letter-queue': 'loans',
        'surehop-dead-lettered-at': new Date(Date.now() - 60_000 + index).toISOString(),
        'surehop-published-at': publishedAt,
      },
    }),
  );
  await archive(anEvent(records, 'dead-letters'));
  return ids;
}

const started = async (body: object) => {
  const got = await callAsOperator(start, { route: 'POST /dead-letters/jobs', body: { reason: 'a test', ...body } });
  expect(got.status).toBe(202);
  return got.body;
};
const changed = (id: string, action: 'continue' | 'cancel') =>
  callAsOperator(change, { route: 'POST /dead-letters/jobs/{id}', path: { id }, body: { action } });
const statuses = async (code: string): Promise<string[]> =>
  (await callAsOperator(list, { route: 'GET /dead-letters', query: { code, limit: '100' } })).body.deadLetters.map(
    ({ status }: { status: string }) => status,
  );

async function takenFromQueue(count: number): Promise<string[]> {
  const channel = await backend.host.rawChannel();
  const ids: string[] = [];
  await eventually(`${count} redriven messages`, async () => {
    const taken = await takeRecords(channel, 'loans');
    ids.push(...taken.map(({ basicProperties }) => String(basicProperties.messageId)));
    return ids.length >= count;
  });
  return ids.toSorted();
}

describe('a job', () => {
  test('a redrive job publishes each matching dead letter once, oldest first, and counts the redriven and skipped dead letters', async () => {
    await archived('JOB_A', 3);
    await archived('JOB_A', 1, '2026-01-01T00:00:00.000Z');
    const job = await started({ action: 'redrive', filter: { code: 'JOB_A' }, ratePerSecond: 1_000 });
    expect(job).toMatchObject({ status: 'running', order: { requestedBy: expect.any(String) } });
    expect((await changed(job.id, 'continue')).body).toMatchObject({
      id: job.id,
      status: 'done',
      progress: { done: 3, failed: 0, skipped: { 'too-old': 1 } },
    });
    expect(await takenFromQueue(3)).toEqual(['JOB_A-0', 'JOB_A-1', 'JOB_A-2']);
    expect(await statuses('JOB_A')).toEqual(expect.arrayContaining(['redriven', 'redriven', 'redriven', 'open']));
    // The job has ended, and a further step changes nothing.
    expect((await changed(job.id, 'continue')).body).toMatchObject({ status: 'done', progress: { done: 3 } });
  });

  test('a job stores the number of its dead letters and, if its filter names a group of failures, the queue, code and cause of this group', async () => {
    const [id = ''] = await archived('JOB_SCOPE', 3);
    const deadLetter = await callAsOperator(get, { route: 'GET /dead-letters/{id}', path: { id } });
    const filter = { group: deadLetter.body.group };
    const scope = { total: 3, group: { queue: 'loans', code: 'JOB_SCOPE', cause: 'no shelf' } };
    const job = await started({ action: 'discard', filter });
    expect(job).toMatchObject(scope);
    expect(await started({ action: 'discard', filter, maximum: 2 })).toMatchObject({ ...scope, total: 2 });
    await changed(job.id, 'continue');
    expect((await changed(job.id, 'cancel')).body).toMatchObject({ ...scope, progress: { done: 3 } });
    const selection = await started({ action: 'discard', ids: [id] });
    expect(selection).toMatchObject({ total: 1 });
    expect(selection.group).toBeUndefined();
    expect(await started({ action: 'discard', filter: { code: 'JOB_SCOPE' } })).toMatchObject({ total: 0 });
    const listed = (await callAsOperator(jobs, { route: 'GET /dead-letters/jobs' })).body.jobs;
    expect(listed.find((one: { id: string }) => one.id === job.id)).toMatchObject(scope);
  });

  test('the list of actions on a redriven dead letter names the operator and the reason of the job that redrove it', async () => {
    const [id = ''] = await archived('JOB_B', 1);
    const job = await started({ action: 'redrive', ids: [id], reason: 'the shelf is back' });
    await changed(job.id, 'continue');
    const got = await callAsOperator(get, { route: 'GET /dead-letters/{id}', path: { id } });
    expect(got.body.history).toEqual([
      {
        action: 'redriven',
        at: expect.any(String),
        by: job.order.requestedBy,
        redrives: 1,
        reason: 'the shelf is back',
      },
    ]);
    expect(await takenFromQueue(1)).toEqual(['JOB_B-0']);
  });

  test('a job with a list of ids skips an unknown id, and discards the dead letters with the other ids', async () => {
    const ids = await archived('JOB_C', 2);
    const job = await started({ action: 'discard', ids: [ids[0], 'no-such-id', ids[1]] });
    expect((await changed(job.id, 'continue')).body).toMatchObject({
      status: 'done',
      progress: { done: 2, skipped: { 'not-found': 1 } },
    });
    expect(await statuses('JOB_C')).toEqual(['discarded', 'discarded']);
  });

  test('a job ends when it has redriven the maximum number of dead letters', async () => {
    await archived('JOB_D', 3);
    const job = await started({ action: 'redrive', filter: { code: 'JOB_D' }, maximum: 1 });
    expect((await changed(job.id, 'continue')).body).toMatchObject({ status: 'done', progress: { done: 1 } });
    expect(await takenFromQueue(1)).toEqual(['JOB_D-0']);
  });

  test('a cancelled job leaves the remaining dead letters open', async () => {
    await archived('JOB_E', 2);
    const job = await started({ action: 'redrive', filter: { code: 'JOB_E' } });
    expect((await changed(job.id, 'cancel')).body).toMatchObject({ status: 'cancelled' });
    expect((await changed(job.id, 'continue')).body).toMatchObject({ status: 'cancelled', progress: { done: 0 } });
    expect(await statuses('JOB_E')).toEqual(['open', 'open']);
  });

  test('a job finishes even if no client continues the job, because a function continues unfinished jobs once a minute', async () => {
    await archived('JOB_F', 2);
    const job = await started({ action: 'redrive', filter: { code: 'JOB_F' } });
    await eventually('the job is done', async () => {
      await continueJobs({}, { getRemainingTimeInMillis: () => 50_000 });
      const { body } = await callAsOperator(jobs, { route: 'GET /dead-letters/jobs' });
      return body.jobs.some(({ id, status }: { id: string; status: string }) => id === job.id && status === 'done');
    });
    expect(await takenFromQueue(2)).toEqual(['JOB_F-0', 'JOB_F-1']);
  });

  test('when two processes work on a job at the same time, each message is published once', async () => {
    await archived('JOB_G', 20);
    const job = await started({ action: 'redrive', filter: { code: 'JOB_G' }, ratePerSecond: 1_000 });
    await Promise.all([changed(job.id, 'continue'), changed(job.id, 'continue'), changed(job.id, 'continue')]);
    await eventually('the job is done', async () => (await changed(job.id, 'continue')).body.status === 'done');
    expect(await takenFromQueue(20)).toHaveLength(20);
    expect(new Set(await statuses('JOB_G'))).toEqual(new Set(['redriven']));
  });

  test('a job counts the dead letters whose queue does not exist as failed, names the error, and leaves these dead letters open', async () => {
    await archived('JOB_H', 2);
    const job = await started({ action: 'redrive', filter: { code: 'JOB_H' } });
    await backend.host.channel.deleteQueue('loans');
    expect((await changed(job.id, 'continue')).body).toMatchObject({
      status: 'done',
      progress: { done: 0, failed: 2, error: expect.stringContaining('UNROUTABLE') },
    });
    expect(await statuses('JOB_H')).toEqual(['open', 'open']);
    await backend.declare();
  });

  test('a job publishes the message of a dead letter only once even if the id of the dead letter is listed twice', async () => {
    const [id = ''] = await archived('JOB_J', 1);
    const order = { action: 'redrive', ids: [id, id] };
    const body = { ...order, dryRun: true };
    expect((await callAsOperator(start, { route: 'POST /dead-letters/jobs', body })).body).toMatchObject({ count: 1 });
    const job = await started(order);
    expect((await changed(job.id, 'continue')).body).toMatchObject({ progress: { done: 1, skipped: {} } });
    expect(await takenFromQueue(1)).toEqual(['JOB_J-0']);
  });

  test('a redrive job with a list of ids skips a dead letter that was redriven before the job started, but redrives the dead letter again if the job has "force": true', async () => {
    const ids = await archived('JOB_I', 2);
    const first = await started({ action: 'redrive', ids: [ids[0]] });
    await changed(first.id, 'continue');
    const unforced = await started({ action: 'redrive', ids });
    expect((await changed(unforced.id, 'continue')).body).toMatchObject({
      status: 'done',
      progress: { done: 1, skipped: { 'already-redriven': 1 } },
    });
    const forced = await started({ action: 'redrive', ids, force: true });
    expect((await changed(forced.id, 'continue')).body).toMatchObject({ progress: { done: 2, skipped: {} } });
    expect(await takenFromQueue(4)).toEqual(['JOB_I-0', 'JOB_I-0', 'JOB_I-1', 'JOB_I-1']);
  });

  test.each([
    ['neither a filter nor ids', {}],
    ['both a filter and ids', { filter: {}, ids: ['1'] }],
    ['an unknown code', { filter: { code: 'NO_SUCH_CODE' } }],
    ['no reason', { filter: {}, reason: '' }],
    ['a cursor but no dry run', { filter: {}, cursor: writeCursor('2026-11-22T10:00:00.000Z#1') }],
    ['a cursor and ids', { ids: ['1'], dryRun: true, cursor: writeCursor('2026-11-22T10:00:00.000Z#1') }],
    ['a cursor of another list', { filter: {}, dryRun: true, cursor: 'bm8' }],
  ])('a job with %s is refused', async (_, about) => {
    const body = { action: 'redrive', reason: 'a test', ...about };
    expect(await callAsOperator(start, { route: 'POST /dead-letters/jobs', body })).toMatchObject({
      status: 400,
      body: { title: 'Invalid body' },
    });
  });
});

describe('a dry run of a job', () => {
  const tried = async (body: object) => {
    const got = await callAsOperator(start, { route: 'POST /dead-letters/jobs', body: { ...body, dryRun: true } });
    expect(got.status).toBe(200);
    return got.body;
  };

  test('a dry run changes nothing, and counts the dead letters that a job with one id, with several ids or with a filter would change', async () => {
    const [one, two] = await archived('DRY_A', 2);
    const [old] = await archived('DRY_A', 1, '2026-01-01T00:00:00.000Z');
    const tooOld = { id: old, reason: 'too-old' };
    const action = 'redrive';
    expect(await tried({ action, ids: [one] })).toEqual({ dryRun: true, count: 1, skipped: [] });
    expect(await tried({ action, ids: [old] })).toEqual({ dryRun: true, count: 0, skipped: [tooOld] });
    expect(await tried({ action, ids: [one, 'none', old] })).toEqual({
      dryRun: true,
      count: 1,
      skipped: [tooOld, { id: 'none', reason: 'not-found' }],
    });
    expect(await tried({ action, filter: { code: 'DRY_A' } })).toEqual({ dryRun: true, count: 2, skipped: [tooOld] });
    expect(await tried({ action, filter: { code: 'DRY_A' }, force: true })).toMatchObject({ count: 3, skipped: [] });
    expect(await tried({ action, filter: { code: 'DRY_A' }, maximum: 1 })).toMatchObject({ count: 1 });
    expect(await tried({ action: 'discard', ids: [one, two, old] })).toMatchObject({ count: 3, skipped: [] });
    expect(await statuses('DRY_A')).toEqual(['open', 'open', 'open']);
    const { body } = await callAsOperator(jobs, { route: 'GET /dead-letters/jobs' });
    expect(
      body.jobs.filter((job: { order: { filter?: { code?: string } } }) => job.order.filter?.code === 'DRY_A'),
    ).toEqual([]);
  });

  test('a dry run with a cursor counts only the dead letters after the position of the cursor', async () => {
    const ids = await archived('DRY_C', 3);
    const { body } = await callAsOperator(get, { route: 'GET /dead-letters/{id}', path: { id: ids[0]! } });
    const cursor = writeCursor(`${body.deadLetteredAt}#${ids[0]}`);
    const order = { action: 'discard', filter: { code: 'DRY_C' } };
    expect(await tried({ ...order, cursor })).toEqual({ dryRun: true, count: 2, skipped: [] });
    expect(await tried(order)).toMatchObject({ count: 3 });
  });

  test('a dry run predicts how many of the selected dead letters the job then changes, and for which reasons it skips the others', async () => {
    const ids = await archived('DRY_B', 4);
    const change = async (body: object) => changed((await started(body)).id, 'continue');
    await change({ action: 'redrive', ids: [ids[0]] });
    await change({ action: 'discard', ids: [ids[1]] });
    for (const order of [
      { action: 'redrive', ids: ids.slice(0, 3) },
      { action: 'redrive', ids, force: true },
      { action: 'discard', ids },
    ]) {
      const { count, skipped } = await tried(order);
      const { progress } = (await change(order)).body;
      expect(progress.done).toBe(count);
      const total = Object.values<number>(progress.skipped).reduce((sum, number) => sum + number, 0);
      for (const { reason } of skipped) expect(progress.skipped[reason]).toBeGreaterThan(0);
      expect(total).toBe(skipped.length);
    }
    await takenFromQueue(5);
  });
});
