import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { MessageId } from '../events/message-id.ts';
import { batchGet } from '../dynamodb/batch-get.ts';
import type { Marker } from './inbox.ts';
import { markerKey, toMarker } from './marker.ts';
import type { RetryPolicy } from '../dynamodb/retry-policy.ts';

/** Reads the markers of these ids from `table`, strongly consistent. Throws `StoreUnavailableError`. */
export async function findMarkers(
  client: DynamoDBClient,
  table: string,
  queue: string,
  ids: readonly MessageId[],
  retryPolicy: RetryPolicy,
): Promise<Map<MessageId, Marker>> {
  const keys = [...new Set(ids)].map((id) => markerKey(queue, id));
  const items = await batchGet(client, table, keys, retryPolicy);
  return new Map(
    items.map((item) => {
      const marker = toMarker(queue, item);
      return [marker.id, marker];
    }),
  );
}
