import { DeleteItemCommand, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import type { MessageId } from '../message-id.ts';
import { expiry, INBOX_TABLE } from './marker.ts';
import { repeated } from './patience.ts';
import type { Store } from './settle.ts';
import type { Scope } from './transaction.ts';

const CONCURRENT_REQUESTS = 16;

const place = ({ tablePrefix, queue }: Scope, id: MessageId) => ({
  TableName: tablePrefix + INBOX_TABLE,
  Key: { pk: { S: `!isolated#${queue}#${id}` } },
});

/** How often each of these was begun alone without an end. Throws `StoreUnavailableError`. */
export async function isolatedRuns(
  { client, patience }: Store,
  scope: Scope,
  ids: readonly MessageId[],
): Promise<Map<MessageId, number>> {
  const runs = new Map<MessageId, number>();
  const read = async (id: MessageId) => {
    const command = new GetItemCommand({ ...place(scope, id), ConsistentRead: true });
    const { Item: item } = await repeated(() => client.send(command), patience);
    runs.set(id, Number(item?.['runs']?.N ?? 0));
  };
  await pMap(ids, read, { concurrency: CONCURRENT_REQUESTS });
  return runs;
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
