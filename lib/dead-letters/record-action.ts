import {
  ConditionalCheckFailedException,
  UpdateItemCommand,
  type AttributeValue,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';

import { sendToDynamo } from '../dynamodb/send.ts';
import { shortText } from '../runtime/short-text.ts';
import type { ArchiveAction, DeadLetter } from '../archive/dead-letter.ts';
import { nameOf, recordKey, toHistoryEntry, type ArchiveTable } from '../archive/record.ts';

/**
 * The archive stores at most this many operator actions with each dead letter. The audit table contains all operator
 * actions.
 */
const MAX_HISTORY = 100;

/**
 * Records in the archive that a copy of a dead letter was published. Returns `false` if another redrive was recorded in
 * the meantime, or if an edited message has replaced the dead letter.
 */
export const recordRedrive = (
  table: ArchiveTable,
  { id, timesRedriven, history }: DeadLetter,
  action: Extract<ArchiveAction, { action: 'redriven' }>,
): Promise<boolean> =>
  update(table, id, action, {
    assignment: 'timesRedriven = :times',
    // The copy is already published, and therefore a discard in the meantime does not matter.
    condition: 'timesRedriven = :seen AND #status <> :superseded',
    values: {
      ':times': { N: String(timesRedriven + 1) },
      ':seen': { N: String(timesRedriven) },
      ':superseded': { S: 'superseded' },
    },
    latest: history.length < MAX_HISTORY ? undefined : history.slice(1 - MAX_HISTORY),
  });

/**
 * Marks a dead letter as discarded in the archive. Returns `false` if the dead letter was already redriven, discarded
 * or replaced by an edited message.
 */
export const recordDiscard = (
  table: ArchiveTable,
  id: string,
  action: Extract<ArchiveAction, { action: 'discarded' }>,
): Promise<boolean> => update(table, id, action, { condition: '#status = :open', values: { ':open': { S: 'open' } } });

/** Returns the DynamoDB write that marks an open dead letter as replaced by an edited message. */
export const supersededWrite = (
  table: ArchiveTable,
  id: string,
  action: Extract<ArchiveAction, { action: 'superseded' }>,
): TransactWriteItem => ({
  Update: {
    TableName: nameOf(table),
    Key: recordKey(id),
    UpdateExpression: 'SET #status = :status, supersededBy = :messageId, history = list_append(history, :actions)',
    ConditionExpression: '#status = :open',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: {
      ':status': { S: action.action },
      ':open': { S: 'open' },
      ':messageId': { S: action.messageId },
      ':actions': { L: [toHistoryEntry(action)] },
    },
  },
});

/** Stores in the archive which parts of a message AMQP cannot encode. Later bulk redrives then skip the dead letter. */
export async function recordUnwritable(table: ArchiveTable, id: string, unwritable: string): Promise<void> {
  await sendToDynamo(
    (client) =>
      client.send(
        new UpdateItemCommand({
          TableName: nameOf(table),
          Key: recordKey(id),
          UpdateExpression: 'SET unwritable = :unwritable',
          ConditionExpression: 'attribute_exists(id)',
          ExpressionAttributeValues: { ':unwritable': { S: shortText(unwritable, 1_000) } },
        }),
      ),
    table.client,
  );
}

async function update(
  table: ArchiveTable,
  id: string,
  action: ArchiveAction,
  {
    assignment,
    condition,
    values,
    latest,
  }: {
    assignment?: string;
    condition: string;
    values: Record<string, AttributeValue>;
    latest?: readonly ArchiveAction[];
  },
): Promise<boolean> {
  const history = latest ? ':actions' : 'list_append(history, :actions)';
  const command = new UpdateItemCommand({
    TableName: nameOf(table),
    Key: recordKey(id),
    UpdateExpression: `SET #status = :status, history = ${history}${assignment ? `, ${assignment}` : ''}`,
    ConditionExpression: condition,
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: {
      ':status': { S: action.action },
      ':actions': { L: [...(latest ?? []), action].map(toHistoryEntry) },
      ...values,
    },
  });
  try {
    await sendToDynamo((client) => client.send(command), table.client);
    return true;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    // The AWS SDK repeats a request whose reply was lost. The action is then already in the stored history.
    const stored = error.Item?.history?.L ?? [];
    return stored.some(({ S }) => S === toHistoryEntry(action).S);
  }
}
