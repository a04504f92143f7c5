import { BatchGetItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, KeysAndAttributes } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';
import { StoreUnavailableError } from '../errors.ts';
import type { MessageId } from '../message-id.ts';
import type { Marker } from './inbox.ts';
import { markerKey, toMarker } from './marker.ts';
import { pause, repeated } from './patience.ts';
import type { Patience } from './patience.ts';

const KEYS_PER_REQUEST = 100;
const CONCURRENT_REQUESTS = 4;

/** Reads the markers of these ids from `table`, strongly consistent. Throws `StoreUnavailableError`. */
export async function findMarkers(
  client: DynamoDBClient,
  table: string,
  queue: string,
  ids: readonly MessageId[],
  patience: Patience,
): Promise<Map<MessageId, Marker>> {
  const found = new Map<MessageId, Marker>();
  const unique = [...new Set(ids)];

  async function read(keys: KeysAndAttributes['Keys']): Promise<void> {
    let fruitless = 0;
    while (keys !== undefined && keys.length > 0) {
      const RequestItems = { [table]: { Keys: keys, ConsistentRead: true } };
      const { Responses, UnprocessedKeys } = await repeated(
        () => client.send(new BatchGetItemCommand({ RequestItems })),
        patience,
      );
      const items = Responses?.[table] ?? [];
      for (const item of items) {
        const marker = toMarker(queue, item);
        found.set(marker.id, marker);
      }
      keys = UnprocessedKeys?.[table]?.Keys;
      if (keys === undefined || keys.length === 0) return;
      fruitless = items.length > 0 ? 0 : fruitless + 1;
      if (fruitless >= patience.conflicts) {
        throw new StoreUnavailableError({ cause: new Error(`DynamoDB left ${keys.length} keys of ${table} unread`) });
      }
      if (fruitless > 0) await pause(fruitless, patience);
    }
  }

  const pages = Array.from({ length: Math.ceil(unique.length / KEYS_PER_REQUEST) }, (_, page) =>
    unique.slice(page * KEYS_PER_REQUEST, (page + 1) * KEYS_PER_REQUEST).map((id) => markerKey(queue, id)),
  );
  await pMap(pages, read, { concurrency: CONCURRENT_REQUESTS });
  return found;
}
