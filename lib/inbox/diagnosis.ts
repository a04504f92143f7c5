import { TransactWriteItemsCommand, type DynamoDBClient, type TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { readFailure } from '../dynamodb/failure.ts';
import type { MessageId } from '../events/message-id.ts';
import { tableOf } from './cancellation.ts';
import { markerKey } from './marker.ts';
import type { Scope } from './transaction.ts';

const NEVER = 'attribute_exists(#never) AND attribute_not_exists(#never)';

/** Finds out which DynamoDB table or permission is wrong, with writes that change nothing. */
export interface Probe {
  /**
   * Returns the full names of the missing tables after a DynamoDB request with `writes` has failed. If no missing table
   * is found, returns the names of all tables in `writes`.
   */
  missingTables(writes: readonly TransactWriteItem[]): Promise<readonly string[]>;
  /**
   * Checks whether DynamoDB would accept an inbox record. Returns the error if DynamoDB refuses it, and `undefined`
   * otherwise.
   */
  markerRefusal(): Promise<unknown>;
}

export function createProbe({
  client,
  signal,
  ...scope
}: Scope & { readonly client: DynamoDBClient; readonly signal: AbortSignal }): Probe {
  const replies = new Map<string, Promise<unknown>>();

  /**
   * Tests whether DynamoDB accepts a write, without changing data: adds a condition that is always false. Returns the
   * error of DynamoDB.
   */
  function tryWrite(name: string, write: TransactWriteItem): Promise<unknown> {
    const never = <W extends { ConditionExpression?: string; ExpressionAttributeNames?: Record<string, string> }>(
      write: W,
    ) => ({
      ...write,
      ConditionExpression: write.ConditionExpression ? `(${write.ConditionExpression}) AND ${NEVER}` : NEVER,
      ExpressionAttributeNames: { ...write.ExpressionAttributeNames, '#never': 'surehopProbe' },
    });
    const { Put, Update, Delete, ConditionCheck } = write;
    const tried: TransactWriteItem = {
      ...(Put && { Put: never(Put) }),
      ...(Update && { Update: never(Update) }),
      ...(Delete && { Delete: never(Delete) }),
      ...(ConditionCheck && { ConditionCheck: never(ConditionCheck) }),
    };
    const known = replies.get(name);
    if (known !== undefined) return known;
    const reply = client
      .send(new TransactWriteItemsCommand({ TransactItems: [tried] }), { abortSignal: signal })
      .then(() => undefined)
      .catch((error: unknown) => error);
    replies.set(name, reply);
    return reply;
  }

  return {
    async missingTables(writes) {
      const byTable = new Map(writes.map((write) => [tableOf(write)!, write]));
      const missing: string[] = [];
      for (const [table, write] of byTable) {
        const failure = readFailure(await tryWrite(table, write));
        if (failure.is === 'misconfigured' && failure.error.code === 'TABLE_MISSING') missing.push(table);
      }
      return missing.length > 0 ? missing : [...byTable.keys()];
    },
    async markerRefusal() {
      const Put = { TableName: scope.name, Item: markerKey(scope.queue, 'probe' as MessageId) };
      const error = await tryWrite('a marker', { Put });
      const failure = readFailure(error);
      if (failure.is === 'refused') return error;
      const [reason] = failure.is === 'cancelled' ? failure.reasons : [];
      return reason?.Code === 'ValidationError'
        ? new Error(reason.Message ?? reason.Code, { cause: error })
        : undefined;
    },
  };
}
