import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { queues } from '../../support/example/topology.ts';
import { toDeadLetter } from '../../../lib/archive/dead-letter.ts';
import { readDeadLetter } from '../../../lib/dead-letters/read.ts';
import { readForRedrive, redriveOne, type Redriving } from '../../../lib/dead-letters/redrive.ts';
import { redriveMany } from '../../../lib/dead-letters/redrive-many.ts';
import { storeDeadLetter } from '../../../lib/archive/store-dead-letter.ts';
import { aDelivery } from '../../support/delivery.ts';
import { openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await openStore();
});
afterAll(() => store.close());

const table = () => ({ client: store.client, tablePrefix: store.prefix, retentionDays: 90 });

/** Creates the dependencies of a redrive, with a fake publisher that calls `duringPublish` instead of sending messages. */
const redriving = (duringPublish: () => Promise<void> = async () => {}): Redriving => ({
  table: table(),
  queues: [queues.loans],
  publisher: () => ({
    publish: async () => {},
    publishAll: async (copies) => {
      await duringPublish();
      // A redrive is identified by its time, and therefore two redrives need different times.
      store.clock.advance(1);
      return copies.map(() => undefined);
    },
    close: async () => {},
  }),
  clock: store.clock,
  inboxSettings: { INBOX_RETENTION_DAYS: 14, INBOX_COMPLETE_SINCE: undefined },
});

async function archived(code: string): Promise<string> {
  const id = randomUUID();
  const at = new Date(store.clock.now()).toISOString();
  const delivery = aDelivery({ headers: { 'surehop-published-at': at } });
  const origin = { id, queue: 'loans', code, reason: 'no answer', deadLetteredAt: at };
  await storeDeadLetter(toDeadLetter(delivery, origin, store.clock.now()), delivery, table());
  return id;
}

const historyOf = async (id: string) => (await readDeadLetter(table(), id)).deadLetter.history;

test('a redrive is answered with "already-redriven" if another request redrove the dead letter while the copy was being published', async () => {
  const id = await archived('ONE');
  const [mine, theirs] = await Promise.all([
    readForRedrive(redriving(), id, false),
    readForRedrive(redriving(), id, false),
  ]);
  const other = () => redriveOne(redriving(), theirs, { force: false });
  await expect(redriveOne(redriving(other), mine, { force: false })).rejects.toMatchObject({
    problem: 'already-redriven',
  });
  expect(await historyOf(id)).toMatchObject([{ action: 'redriven', redrives: 1 }]);
});

test('a bulk redrive reports a dead letter as skipped if another request redrives the dead letter while the bulk redrive publishes its messages', async () => {
  const [first, second] = [await archived('MANY'), await archived('MANY')];
  const theirs = await readForRedrive(redriving(), first, false);
  const options = { maximum: 10, force: false, remainingMs: () => 30_000 };
  const other = () => redriveOne(redriving(), theirs, { force: false });
  expect(await redriveMany(redriving(other), { code: 'MANY' }, options)).toMatchObject({
    redriven: 1,
    skipped: [{ id: first, reason: 'already-redriven' }],
    failed: [],
  });
  expect(await historyOf(second)).toHaveLength(1);
});

test('a redrive succeeds and is recorded once if the reply to the write in the archive was lost and the write was repeated', async () => {
  const id = await archived('LOST');
  const item = await readForRedrive(redriving(), id, false);
  store.client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName === 'UpdateItemCommand') await next(args);
        return next(args);
      },
    { step: 'initialize', name: 'repeated' },
  );
  try {
    await redriveOne(redriving(), item, { force: false });
  } finally {
    store.client.middlewareStack.remove('repeated');
  }
  expect(await historyOf(id)).toHaveLength(1);
});
