import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';

import type { MisconfiguredError } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';
import { readAnswer } from '../dynamodb/reply.ts';
import { markerKey } from './marker.ts';
import type { Commit } from './settle.ts';
import { inboxTable } from './table.ts';
import type { Transaction } from './transaction.ts';

/** Holds for no item, so that a write under it only tells whether DynamoDB would take the request. */
const NEVER = 'attribute_exists(#never) AND attribute_not_exists(#never)';

/** The same write, with the same permission, that changes nothing. */
function withoutEffect({ Put, Update, ConditionCheck }: TransactWriteItem): TransactWriteItem {
  const never = <W extends { ConditionExpression?: string; ExpressionAttributeNames?: Record<string, string> }>(
    write: W,
  ): W => ({
    ...write,
    ConditionExpression: write.ConditionExpression ? `(${write.ConditionExpression}) AND ${NEVER}` : NEVER,
    ExpressionAttributeNames: { ...write.ExpressionAttributeNames, '#never': 'surehopProbe' },
  });
  if (Put) return { Put: never(Put) };
  return Update ? { Update: never(Update) } : { ConditionCheck: never(ConditionCheck!) };
}

/** The error that DynamoDB answers to a write without effect. */
const answerTo = ({ client, signal }: Commit, write: TransactWriteItem): Promise<unknown> =>
  client
    .send(new TransactWriteItemsCommand({ TransactItems: [withoutEffect(write)] }), { abortSignal: signal })
    .then(() => undefined)
    .catch((error: unknown) => error);

const isMissing = (error: unknown): boolean => {
  const answer = readAnswer(error);
  return answer.is === 'misconfigured' && answer.error.code === 'TABLE_MISSING';
};

/** Full names of the tables without which a transaction failed: DynamoDB does not say which, so each is asked for alone. */
export async function missingTables(
  commit: Commit,
  { input }: Transaction,
  { tables: suspected }: MisconfiguredError,
): Promise<readonly string[]> {
  if (suspected.length === 1) return suspected;
  const writes = new Map<string, TransactWriteItem>();
  for (const write of input.TransactItems ?? []) {
    const { TableName } = (write.Put ?? write.Update ?? write.ConditionCheck)!;
    if (TableName !== undefined) writes.set(TableName, write);
  }
  for (const [table, write] of writes)
    if (!commit.exists.has(table))
      commit.exists.set(
        table,
        answerTo(commit, write).then((error) => !isMissing(error)),
      );
  const missing: string[] = [];
  for (const table of writes.keys()) if (!(await commit.exists.get(table)!)) missing.push(table);
  return missing.length > 0 ? missing : [...writes.keys()];
}

/** The error for which DynamoDB takes no marker at all, whatever the message: the table has another primary key. */
export async function refusalOfMarkers(commit: Commit): Promise<unknown> {
  const { queue } = commit.scope;
  commit.markerProbe ??= answerTo(commit, {
    Put: { TableName: inboxTable(commit.scope), Item: markerKey(queue, 'probe' as MessageId) },
  });
  const error = await commit.markerProbe;
  const answer = readAnswer(error);
  if (answer.is === 'refused') return error;
  const [reason] = answer.is === 'cancelled' ? answer.reasons : [];
  return reason?.Code === 'ValidationError' ? new Error(reason.Message ?? reason.Code, { cause: error }) : undefined;
}
