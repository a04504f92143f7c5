import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { AttemptLog } from '../../../lib/crash-loop/attempt-log.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;
let attemptLog: AttemptLog;
beforeAll(async () => {
  store = await openStore();
  ({ attemptLog } = store.ports());
});
afterAll(() => store.close());

const isolated = (id: string, endsByMs: number) => ({ kind: 'isolated', id, endsByMs }) as const;
const read = async (id: MessageId) => (await attemptLog.read('loans', [id])).get(id);

test('if one attempt of a message is deleted from the attempt log, the attempt log keeps the other attempts of the message', async () => {
  const id = 'kept' as MessageId;
  for (const run of [isolated('first', 1), isolated('second', 2)]) await attemptLog.begin('loans', [id], run);
  await attemptLog.end('loans', new Map([[id, isolated('second', 2)]]));
  await attemptLog.end('loans', new Map([[id, isolated('second', 2)]]));
  expect(await read(id)).toEqual({ isolatedEndByMs: [1] });
});

test('the attempt log returns nothing for a message whose attempts were never recorded or have been deleted', async () => {
  const id = 'once' as MessageId;
  await attemptLog.begin('loans', [id], isolated('first', 1));
  await attemptLog.end('loans', new Map([[id, isolated('first', 1)]]));
  await attemptLog.end('loans', new Map([['never' as MessageId, isolated('first', 1)]]));
  expect(await attemptLog.read('loans', [id, 'never' as MessageId])).toEqual(new Map());
});

test('if all attempts of a message are deleted from the attempt log, the DynamoDB item of the message is deleted too', async () => {
  const id = 'all' as MessageId;
  await attemptLog.begin('loans', [id], { kind: 'together', id: 'a run', endsByMs: 1 });
  await attemptLog.begin('loans', [id], isolated('first', 1));
  await attemptLog.end('loans', new Map([[id, 'all' as const]]));
  expect(await store.get('inbox', { pk: { S: `!attempts#loans#${id}` } })).toBeUndefined();
});

test('the attempt log leaves out a stored attempt whose end time is not a number', async () => {
  const id = 'edited' as MessageId;
  const isolated = { SS: ['soon first', '7 second'] };
  await store.put('inbox', { pk: { S: `!attempts#loans#${id}` }, isolated });
  expect(await read(id)).toEqual({ isolatedEndByMs: [7] });
});
