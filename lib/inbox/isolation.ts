import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';

import type { MessageId } from '../message-id.ts';
import { batchGet } from './batch-get.ts';
import { expiry } from './marker.ts';
import { INBOX_TABLE } from './tables.ts';
import { repeated } from './patience.ts';
import type { Store } from './settle.ts';
import type { Scope } from './transaction.ts';

const prefix = (queue: string) => `!isolated#${queue}#`;

const place = ({ tablePrefix, queue }: Scope, id: MessageId) => ({
  TableName: tablePrefix + INBOX_TABLE,
  Key: { pk: { S: prefix(queue) + id } },
});

/** How often each of these, named once, was begun alone without an end; who never was is not in the map. Throws `StoreUnavailableError`. */
export async function isolatedRuns(
  { client, patience }: Store,
  scope: Scope,
  ids: readonly MessageId[],
): Promise<Map<MessageId, number>> {
  const table = scope.tablePrefix + INBOX_TABLE;
  const items = await batchGet(
    client,
    table,
    ids.map((id) => place(scope, id).Key),
    patience,
  );
  const idOf = (key: string) => key.slice(prefix(scope.queue).length) as MessageId;
  return new Map(items.map(({ pk, runs }) => [idOf(pk?.S ?? ''), Number(runs?.N ?? 0)]));
}

/** Notes, before anything else is done, that the message is now run alone. Throws `StoreUnavailableError`. */
export async function beginIsolated({ client, clock, patience }: Store, scope: Scope, id: MessageId): Promise<void> {
  const command = new UpdateItemCommand({
    ...place(scope, id),
    UpdateExpression: 'SET #expiry = :expiry ADD #runs :one',
    ExpressionAttributeNames: { '#expiry': 'expiresAt', '#runs': 'runs' },
    ExpressionAttributeValues: { ':one': { N: '1' }, ':expiry': { N: expiry(clock.now(), scope.retentionDays) } },
  });
  await repeated(() => client.send(command), patience);
}

/** Notes that the runtime survived the message. Throws `StoreUnavailableError`. */
export async function endIsolated({ client, patience }: Store, scope: Scope, id: MessageId): Promise<void> {
  await repeated(() => client.send(new DeleteItemCommand(place(scope, id))), patience);
}
