import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { useExampleTopology } from '../../support/example/use-example.ts';

let backend: Backend;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];
let list: HttpHandler;
let groups: HttpHandler;
let discard: HttpHandler;

const boom = 'functions/boom.ts:3:1';
const deadLetters = [
  { code: 'BOOM', reason: 'BOOM: 1', frames: boom, at: '2026-11-22T10:00:00.000Z', client: 'shop' },
  { code: 'BOOM', reason: 'BOOM: 2', frames: boom, at: '2026-11-22T10:30:00.000Z', client: 'shop' },
  { code: 'BOOM', reason: 'BOOM: 3', frames: boom, at: '2026-11-22T11:00:00.000Z', client: 'till' },
  { code: 'SCHEMA_MISMATCH', reason: '/a: is absent', at: '2026-11-22T10:59:59.999Z', client: 'till' },
] as const;

beforeAll(async () => {
  useExampleTopology();
  backend = await aBackend();
  await backend.declare();
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  ({ handler: list } = await import('../../../functions/dead-letters/list.ts'));
  ({ handler: groups } = await import('../../../functions/dead-letters/groups.ts'));
  ({ handler: discard } = await import('../../../functions/dead-letters/discard.ts'));
  const records = deadLetters.map(({ code, reason, at, client, ...rest }, index) =>
    aRecord({
      id: `m-${index}`,
      appId: client,
      headers: {
        'surehop-dead-letter-id': randomUUID(),
        'surehop-dead-letter-code': code,
        'surehop-dead-letter-reason': reason,
        'surehop-dead-letter-queue': 'loans',
        'surehop-dead-lettered-at': at,
        ...('frames' in rest && { 'surehop-dead-letter-frames': rest.frames }),
      },
    }),
  );
  await archive(anEvent(records, 'dead-letters'));
});

afterAll(() => backend.remove());

const grouped = async (query: Record<string, string> = {}) =>
  (await callAsOperator(groups, { route: 'GET /dead-letters/groups', query })).body;
const listed = async (query: Record<string, string>): Promise<string[]> =>
  (await callAsOperator(list, { route: 'GET /dead-letters', query })).body.deadLetters.map(
    ({ messageId }: { messageId: string }) => messageId,
  );

test('GET /dead-letters/groups returns, for each cause, the number of open dead letters, the times of the oldest and the newest, and a count per interval of the requested period', async () => {
  const body = await grouped({ from: '2026-11-22T10:00:00.000Z', to: '2026-11-22T12:00:00.000Z' });
  const once = (span: number) => Array.from({ length: 24 }, (_, index) => (index === span ? 1 : 0));
  const thrice = Array.from({ length: 24 }, (_, index) => ([0, 6, 12].includes(index) ? 1 : 0));
  const group = expect.stringMatching(/^[0-9a-f]{16}$/);
  expect(body).toEqual({
    groups: [
      {
        group,
        queue: 'loans',
        code: 'BOOM',
        cause: 'BOOM in functions/boom.ts:3',
        reason: 'BOOM: 3',
        count: 3,
        redrivenBefore: 0,
        firstAt: deadLetters[0].at,
        lastAt: deadLetters[2].at,
        history: thrice,
      },
      {
        group,
        queue: 'loans',
        code: 'SCHEMA_MISMATCH',
        cause: '/a',
        reason: '/a: is absent',
        count: 1,
        redrivenBefore: 0,
        firstAt: deadLetters[3].at,
        lastAt: deadLetters[3].at,
        history: once(11),
      },
    ],
    from: '2026-11-22T10:00:00.000Z',
    to: '2026-11-22T12:00:00.000Z',
    isIncomplete: false,
  });
});

test('GET /dead-letters can filter dead letters by group, client, time and text', async () => {
  const [{ group }] = (await grouped()).groups;
  expect(await listed({ group })).toEqual(['m-2', 'm-1', 'm-0']);
  expect(await listed({ group, client: 'shop' })).toEqual(['m-1', 'm-0']);
  expect(await listed({ from: deadLetters[1].at })).toEqual(['m-2', 'm-3', 'm-1']);
  expect(await listed({ to: deadLetters[1].at })).toEqual(['m-0']);
  expect(await listed({ from: '2026-11-22T11:30:00+01:00', to: deadLetters[2].at })).toEqual(['m-3', 'm-1']);
  expect(await listed({ from: deadLetters[2].at, to: deadLetters[0].at })).toEqual([]);
  expect(await listed({ text: 'absent' })).toEqual(['m-3']);
  expect(await listed({ text: 'm-1' })).toEqual(['m-1']);
  expect(await listed({ type: 'no.such' })).toEqual([]);
});

test('GET /dead-letters/groups leaves out discarded dead letters unless the query asks for the status discarded', async () => {
  const [{ id }] = (await callAsOperator(list, { route: 'GET /dead-letters', query: { code: 'SCHEMA_MISMATCH' } })).body
    .deadLetters;
  await callAsOperator(discard, { route: 'DELETE /dead-letters/{id}', path: { id }, body: { reason: 'a test' } });
  expect((await grouped()).groups).toHaveLength(1);
  expect((await grouped({ status: 'discarded' })).groups).toMatchObject([{ code: 'SCHEMA_MISMATCH', count: 1 }]);
});
