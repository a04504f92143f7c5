import { TransactWriteItemsCommand, type CancellationReason, type TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { batchGet } from '../dynamodb/batch-get.ts';
import { readFailure, requestRefused, tableMissing, type Failure } from '../dynamodb/failure.ts';
import type { Attributes } from '../dynamodb/item.ts';
import type { MessageId } from '../events/message-id.ts';
import { tableOf } from './cancellation.ts';
import { markerKey } from './marker.ts';
import type { InboxTable } from './table.ts';
import type { Scope } from './transaction.ts';

const NEVER = 'attribute_exists(#never) AND attribute_not_exists(#never)';

/** Adds a condition that is always false, so that DynamoDB checks the write but changes nothing. */
function withoutEffect({ Put, Update, Delete, ConditionCheck }: TransactWriteItem): TransactWriteItem {
  const never = <W extends { ConditionExpression?: string; ExpressionAttributeNames?: Record<string, string> }>(
    write: W,
  ) => ({
    ...write,
    ConditionExpression: write.ConditionExpression ? `(${write.ConditionExpression}) AND ${NEVER}` : NEVER,
    ExpressionAttributeNames: { ...write.ExpressionAttributeNames, '#never': 'surehopProbe' },
  });
  return {
    ...(Put && { Put: never(Put) }),
    ...(Update && { Update: never(Update) }),
    ...(Delete && { Delete: never(Delete) }),
    ...(ConditionCheck && { ConditionCheck: never(ConditionCheck) }),
  };
}

/**
 * Creates the function that finds out why DynamoDB failed a transaction. DynamoDB's error may not name the missing
 * table, and may not show whether an effect or the key of the inbox table is invalid. In these cases, the function
 * tests each table with a write that changes nothing.
 */
export function createDiagnosis(table: InboxTable & Scope, signal: AbortSignal) {
  const { client } = table;
  const bareMarker = { Put: { TableName: table.name, Item: markerKey(table.queue, 'probe' as MessageId) } };
  const replies = new Map<string, Promise<unknown>>();

  async function tryWrite(write: TransactWriteItem): Promise<unknown> {
    const name = tableOf(write)!;
    const command = new TransactWriteItemsCommand({ TransactItems: [withoutEffect(write)] });
    const reply = replies.get(name) ?? client.send(command, { abortSignal: signal }).catch((error: unknown) => error);
    replies.set(name, reply);
    if (isUnanswered(readFailure(await reply))) replies.delete(name);
    return reply;
  }

  async function findMissingTables(writes: readonly TransactWriteItem[], error: unknown): Promise<Failure> {
    // `replies` keeps one reply per table, and the inbox marker of a message could be refused because of the message.
    const byTable = new Map([...writes, bareMarker].map((write) => [tableOf(write)!, write]));
    const missing: string[] = [];
    for (const [name, write] of byTable) {
      const failure = readFailure(await tryWrite(write));
      if (isUnanswered(failure)) return { is: 'busy' };
      if (failure.is === 'misconfigured' && failure.error.code === 'TABLE_MISSING') missing.push(name);
    }
    const tables = missing.length > 0 ? missing : [...byTable.keys()];
    return { is: 'misconfigured', error: tableMissing(tables, error) };
  }

  /**
   * Sends a test write without effects to find out whether the inbox table itself caused the failure, for example
   * because the table has an unexpected primary key. Returns an error about the inbox table if DynamoDB refuses the
   * test write, `busy` if DynamoDB does not answer, and the given `failure` in all other cases.
   */
  async function checkInboxTable(failure: Failure): Promise<Failure> {
    const reply = await tryWrite(bareMarker);
    const tried = readFailure(reply);
    if (isUnanswered(tried)) return { is: 'busy' };
    const invalid = tried.is === 'cancelled' ? tried.reasons.find(isInvalid) : undefined;
    if (tried.is !== 'refused' && invalid === undefined) return failure;
    const cause = invalid ? new Error(invalid.Message ?? invalid.Code, { cause: reply }) : reply;
    return { is: 'misconfigured', error: requestRefused([table.name], cause) };
  }

  /**
   * Reads each inbox marker whose write condition failed, unless DynamoDB already returned the marker in the
   * cancellation reasons.
   */
  async function withMarkers(reasons: readonly CancellationReason[], writes: readonly TransactWriteItem[]) {
    const unseen = new Map<number, Attributes>();
    for (const [n, { Code, Item }] of reasons.entries()) {
      const { TableName, Item: marker } = writes[n]?.Put ?? {};
      if (Code === 'ConditionalCheckFailed' && Item === undefined && TableName === table.name)
        unseen.set(n, { pk: marker!['pk']! });
    }
    if (unseen.size === 0) return reasons;
    const found = await batchGet(client, table.name, [...unseen.values()], table.retryPolicy);
    const byKey = new Map(found.map((item) => [item['pk']?.S, item]));
    return reasons.map((reason, n) => ({ ...reason, Item: reason.Item ?? byKey.get(unseen.get(n)?.['pk']?.S) }));
  }

  return async function diagnose(error: unknown, writes: readonly TransactWriteItem[]): Promise<Failure> {
    const failure = readFailure(error);
    switch (failure.is) {
      case 'misconfigured': {
        const { code, tables } = failure.error;
        return code === 'TABLE_MISSING' && tables.length !== 1 ? findMissingTables(writes, error) : failure;
      }
      case 'refused':
        return checkInboxTable(failure);
      case 'cancelled': {
        const complete = { ...failure, reasons: await withMarkers(failure.reasons, writes) };
        return failure.reasons.some(isInvalid) ? checkInboxTable(complete) : complete;
      }
      default:
        return failure;
    }
  };
}

const isInvalid = ({ Code }: CancellationReason) => Code === 'ValidationError';

const isUnanswered = ({ is }: Failure) => is === 'lost' || is === 'busy';
