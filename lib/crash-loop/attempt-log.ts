import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import { batchGet } from '../dynamodb/batch-get.ts';
import type { Attributes } from '../dynamodb/item.ts';
import { conditionalWrite, withRetries } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import type { InboxTable } from '../inbox/table.ts';

/**
 * One attempt to process messages that are suspected of crashing the process: either several messages together, or one
 * message alone.
 */
export interface AttemptRun {
  readonly kind: 'together' | 'isolated';
  readonly id: string;
  /** The latest time at which the Lambda invocation of this attempt can end, in ms since the epoch. */
  readonly endsByMs: number;
}

/**
 * The stored attempts to process one message. A stored attempt is still running, or the process crashed during the
 * attempt.
 */
export interface OpenAttempts {
  readonly isolatedEndByMs: readonly number[];
}

/**
 * Stores each attempt to process messages that are suspected of crashing the process, and deletes the attempt after it
 * has ended. An attempt that is never deleted has crashed the process. Every method throws `StoreUnavailableError` if
 * DynamoDB does not answer.
 */
export interface AttemptLog {
  /** Returns the stored processing attempts of the messages `ids`, by message id. `ids` must not contain duplicates. */
  read(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, OpenAttempts>>;
  begin(queue: string, ids: readonly MessageId[], run: AttemptRun): Promise<void>;
  /**
   * Deletes stored processing attempts. `ended` maps each message id to the attempt to delete, or to `all` to delete all
   * stored attempts of the message.
   */
  end(queue: string, ended: ReadonlyMap<MessageId, AttemptRun | 'all'>): Promise<void>;
}

const CONCURRENT_REQUESTS = 16;

const textOf = ({ id, endsByMs }: AttemptRun) => `${endsByMs} ${id}`;

const prefix = (queue: string) => `!attempts#${queue}#`;

export const attemptKey = (queue: string, id: MessageId) => ({ pk: { S: prefix(queue) + id } });

export const toOpenAttempts = ({ isolated }: Attributes): OpenAttempts => ({
  isolatedEndByMs: (isolated?.SS ?? []).map((run) => Number(run.split(' ')[0])).filter(Number.isFinite),
});

export function createAttemptLog({ client, retryPolicy, name, expiresAt }: InboxTable): AttemptLog {
  return {
    async read(queue, ids) {
      const keys = ids.map((id) => attemptKey(queue, id));
      const items = await batchGet(client, name, keys, retryPolicy);
      return new Map(
        items
          // An item without runs is left over from a message whose only run was deleted.
          .filter(({ isolated, together }) => isolated || together)
          .map((item) => [(item['pk']?.S ?? '').slice(prefix(queue).length) as MessageId, toOpenAttempts(item)]),
      );
    },

    async begin(queue, ids, run) {
      const begin = (id: MessageId) => {
        // This request can be repeated safely, because a DynamoDB set stores each run only once.
        const command = new UpdateItemCommand({
          TableName: name,
          Key: attemptKey(queue, id),
          UpdateExpression: 'SET #expiry = :expiry ADD #runs :run',
          ExpressionAttributeNames: { '#expiry': 'expiresAt', '#runs': run.kind },
          ExpressionAttributeValues: { ':run': { SS: [textOf(run)] }, ':expiry': { N: expiresAt() } },
        });
        return withRetries(() => client.send(command), retryPolicy);
      };
      await pMap(ids, begin, { concurrency: CONCURRENT_REQUESTS });
    },

    async end(queue, ended) {
      const end = async ([id, run]: readonly [MessageId, AttemptRun | 'all']) => {
        const key = { TableName: name, Key: attemptKey(queue, id) };
        if (run === 'all') await withRetries(() => client.send(new DeleteItemCommand(key)), retryPolicy);
        else
          await conditionalWrite(() => client.send(new UpdateItemCommand({ ...key, ...withoutRun(run) })), retryPolicy);
      };
      await pMap(ended, end, { concurrency: CONCURRENT_REQUESTS });
    },
  };
}

const withoutRun = (run: AttemptRun) => ({
  UpdateExpression: 'DELETE #runs :run',
  ConditionExpression: 'attribute_exists(#runs)',
  ExpressionAttributeNames: { '#runs': run.kind },
  ExpressionAttributeValues: { ':run': { SS: [textOf(run)] } },
});
