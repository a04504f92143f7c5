import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import type { MessageId } from '../events/message-id.ts';
import { batchGet } from '../dynamodb/batch-get.ts';
import type { AttemptNote, Attempted } from '../inbox/inbox.ts';
import { expiry } from '../inbox/table.ts';
import { INBOX_TABLE } from '../inbox/table.ts';
import { withRetries } from '../dynamodb/retry-policy.ts';
import type { Store } from '../dynamodb/store.ts';
import type { Scope } from '../inbox/table.ts';

const CONCURRENT_REQUESTS = 16;

const prefix = (queue: string) => `!attempts#${queue}#`;

const place = ({ tablePrefix, queue }: Scope, id: MessageId) => ({
  TableName: tablePrefix + INBOX_TABLE,
  Key: { pk: { S: prefix(queue) + id } },
});

/** The runs of these messages, each named once, that were begun and have not ended; who has none is not in the map. Throws `StoreUnavailableError`. */
export async function attemptNotes(
  { client, retryPolicy }: Store,
  scope: Scope,
  ids: readonly MessageId[],
): Promise<Map<MessageId, AttemptNote>> {
  const table = scope.tablePrefix + INBOX_TABLE;
  const keys = ids.map((id) => place(scope, id).Key);
  const items = await batchGet(client, table, keys, retryPolicy);
  return new Map(
    items.map(({ pk, alone }) => [
      (pk?.S ?? '').slice(prefix(scope.queue).length) as MessageId,
      { aloneEndByMs: (alone?.SS ?? []).map((run) => Number(run.split(' ')[0])) },
    ]),
  );
}

/** Notes, before anything else is done, that these messages are run now. Throws `StoreUnavailableError`. */
export async function beginAttempts(
  { client, clock, retryPolicy }: Store,
  scope: Scope,
  ids: readonly MessageId[],
  { kind, run, endsByMs }: Attempted,
): Promise<void> {
  const expiresAt = expiry(clock.now(), scope.retentionDays);
  await pMap(
    ids,
    (id) => {
      // A set: the same run is in it once, however often the request was sent.
      const command = new UpdateItemCommand({
        ...place(scope, id),
        UpdateExpression: 'SET #expiry = :expiry ADD #runs :run',
        ExpressionAttributeNames: { '#expiry': 'expiresAt', '#runs': kind },
        ExpressionAttributeValues: { ':run': { SS: [`${endsByMs} ${run}`] }, ':expiry': { N: expiresAt } },
      });
      return withRetries(() => client.send(command), retryPolicy);
    },
    { concurrency: CONCURRENT_REQUESTS },
  );
}

/** Notes that the runtime survived these messages. Throws `StoreUnavailableError`. */
export async function endAttempts(
  { client, retryPolicy }: Store,
  scope: Scope,
  ids: readonly MessageId[],
): Promise<void> {
  const end = (id: MessageId) => withRetries(() => client.send(new DeleteItemCommand(place(scope, id))), retryPolicy);
  await pMap(ids, end, { concurrency: CONCURRENT_REQUESTS });
}
