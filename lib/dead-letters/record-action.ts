import { ConditionalCheckFailedException, UpdateItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';

import { tables } from '../../infra/tables.ts';
import { sendToDynamo, tableName } from '../dynamodb/send.ts';
import type { DeadLetter, ArchiveAction } from './dead-letter.ts';
import { recordKey, toActionItem } from './record.ts';

/** Deeds that a record keeps at most, the latest ones; the audit keeps all. */
const MAX_HISTORY = 100;

/**
 * Notes that a copy was sent back; `false` where another redrive was noted since the record was read: both copies carry the
 * same number, and are done once. A discard in between is overruled, for the copy is on its way.
 */
export const recordRedrive = (
  { id, timesRedriven, history }: DeadLetter,
  deed: Extract<ArchiveAction, { is: 'redriven' }>,
) =>
  update(id, deed, {
    assignment: 'timesRedriven = :times',
    condition: 'timesRedriven = :seen',
    values: { ':times': { N: String(timesRedriven + 1) }, ':seen': { N: String(timesRedriven) } },
    latest: history.length < MAX_HISTORY ? undefined : history.slice(1 - MAX_HISTORY),
  });

/** Notes that a dead letter was discarded; `false` where it is not open. */
export const recordDiscard = (id: string, deed: Extract<ArchiveAction, { is: 'discarded' }>) =>
  update(id, deed, { condition: '#status = :open', values: { ':open': { S: 'open' } } });

/** Notes what of a dead letter cannot be written, so that no later redrive of many tries it again. */
export async function recordUnwritable(id: string, unwritable: string): Promise<void> {
  await sendToDynamo((store) =>
    store.send(
      new UpdateItemCommand({
        TableName: tableName(tables['dead-letters']),
        Key: recordKey(id),
        UpdateExpression: 'SET unwritable = :unwritable',
        ConditionExpression: 'attribute_exists(id)',
        ExpressionAttributeValues: { ':unwritable': { S: unwritable.slice(0, 1_000) } },
      }),
    ),
  );
}

async function update(
  id: string,
  deed: ArchiveAction,
  {
    assignment,
    condition,
    values,
    latest,
  }: {
    assignment?: string;
    condition: string;
    values: Record<string, AttributeValue>;
    /** What is kept of the history instead of all. */
    latest?: readonly ArchiveAction[];
  },
): Promise<boolean> {
  try {
    await sendToDynamo((store) =>
      store.send(
        new UpdateItemCommand({
          TableName: tableName(tables['dead-letters']),
          Key: recordKey(id),
          UpdateExpression: `SET #status = :status, history = ${latest ? ':deeds' : 'list_append(history, :deeds)'}${assignment ? `, ${assignment}` : ''}`,
          ConditionExpression: condition,
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':status': { S: deed.is },
            ':deeds': { L: [...(latest ?? []), deed].map(toActionItem) },
            ...values,
          },
        }),
      ),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
