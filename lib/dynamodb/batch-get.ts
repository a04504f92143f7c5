import { BatchGetItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, KeysAndAttributes } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';
import { StoreUnavailableError } from '../runtime/errors.ts';
import type { Attributes } from './item.ts';
import { backOff, withRetries } from './retry-policy.ts';
import type { RetryPolicy } from './retry-policy.ts';

const KEYS_PER_REQUEST = 100;
const CONCURRENT_REQUESTS = 4;

/**
 * Reads the DynamoDB items with the keys `keys`, which must be unique, using strongly consistent reads. Throws
 * `StoreUnavailableError` if DynamoDB is unavailable.
 */
export async function batchGet(
  client: DynamoDBClient,
  table: string,
  keys: readonly Attributes[],
  retryPolicy: RetryPolicy,
): Promise<Attributes[]> {
  const found: Attributes[] = [];

  async function read(page: KeysAndAttributes['Keys']): Promise<void> {
    let emptyReplies = 0;
    for (let left = page; left !== undefined && left.length > 0;) {
      const RequestItems = { [table]: { Keys: left, ConsistentRead: true } };
      const { Responses, UnprocessedKeys } = await withRetries(
        () => client.send(new BatchGetItemCommand({ RequestItems })),
        retryPolicy,
      );
      const items = Responses?.[table] ?? [];
      found.push(...items);
      left = UnprocessedKeys?.[table]?.Keys;
      if (left === undefined || left.length === 0) return;
      emptyReplies = items.length > 0 ? 0 : emptyReplies + 1;
      if (emptyReplies >= retryPolicy.conflicts) {
        throw new StoreUnavailableError({
          cause: new Error(`DynamoDB repeatedly returned ${left.length} keys of the table ${table} as unprocessed`),
        });
      }
      if (emptyReplies > 0) await backOff(emptyReplies, retryPolicy);
    }
  }

  const pages = Array.from({ length: Math.ceil(keys.length / KEYS_PER_REQUEST) }, (_, page) =>
    keys.slice(page * KEYS_PER_REQUEST, (page + 1) * KEYS_PER_REQUEST),
  );
  await pMap(pages, read, { concurrency: CONCURRENT_REQUESTS });
  return found;
}
