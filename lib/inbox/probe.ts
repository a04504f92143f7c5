import { TransactWriteItemsCommand, type DynamoDBClient, type TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { readFailure } from '../dynamodb/failure.ts';
import type { MessageId } from '../events/message-id.ts';
import { markerKey } from './marker.ts';
import type { Scope } from './transaction.ts';

/** Holds for no item, so a write with this condition only tells whether DynamoDB accepts the request. */
const NEVER = 'attribute_exists(#never) AND attribute_not_exists(#never)';

/** Asks DynamoDB about a deployment that may be wrong, each question once. */
export interface Probe {
  /** Full names of the tables of these writes that do not exist; all of them if each seems to exist. */
  missingTables(writes: readonly TransactWriteItem[]): Promise<readonly string[]>;
  /** The error with which DynamoDB refuses a marker that belongs to no message: its table has another primary key. */
  markerRefusal(): Promise<unknown>;
}

export function createProbe({
  client,
  signal,
  ...scope
}: Scope & { readonly client: DynamoDBClient; readonly signal: AbortSignal }): Probe {
  const replies = new Map<string, Promise<unknown>>();

  /** The error for a write that needs the same permission and changes nothing. */
  function tryWrite(name: string, { Put, Update }: TransactWriteItem): Promise<unknown> {
    const never = <W extends { ConditionExpression?: string; ExpressionAttributeNames?: Record<string, string> }>(
      write: W,
    ): W => ({
      ...write,
      ConditionExpression: write.ConditionExpression ? `(${write.ConditionExpression}) AND ${NEVER}` : NEVER,
      ExpressionAttributeNames: { ...write.ExpressionAttributeNames, '#never': 'surehopProbe' },
    });
    const write = Put ? { Put: never(Put) } : { Update: never(Update!) };
    const known = replies.get(name);
    if (known !== undefined) return known;
    const reply = client
      .send(new TransactWriteItemsCommand({ TransactItems: [write] }), { abortSignal: signal })
      .then(() => undefined)
      .catch((error: unknown) => error);
    replies.set(name, reply);
    return reply;
  }

  return {
    async missingTables(writes) {
      const byTable = new Map(writes.map((write) => [(write.Put ?? write.Update)!.TableName!, write]));
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
