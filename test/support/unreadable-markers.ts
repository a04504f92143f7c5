import { DynamoDBClient, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';

import { decode, type RabbitMqRecord } from '../../lib/message/delivery.ts';
import type { ConsumerSetup } from './consumer-setup.ts';
import { anEvent } from './delivery.ts';

type Attributes = Record<string, AttributeValue>;

/**
 * Inbox markers that a consumer cannot read. Each entry contains what is wrong with the marker, and the attributes of
 * the marker.
 */
export const unreadableMarkers: readonly (readonly [reason: string, attributes: Attributes])[] = [
  ['has an unknown state', { state: { S: 'done' } }],
  ['is completed and has events that are not JSON', { state: { S: 'completed' }, events: { S: '{' } }],
  ['is completed and has an event without an id', { state: { S: 'completed' }, events: { S: '[null]' } }],
  ['is leased and has no expiry', { state: { S: 'leased' }, owner: { S: 'a process' } }],
  ['is dead-lettered and has no number of redrives', { state: { S: 'dead-lettered' }, attempt: { N: '1' } }],
];

/** Writes an inbox marker with the given attributes for the message of a Lambda record. */
export async function putMarker(
  { endpoint, tablePrefix }: Pick<ConsumerSetup, 'endpoint' | 'tablePrefix'>,
  queue: string,
  record: RabbitMqRecord,
  attributes: Attributes,
): Promise<void> {
  const { id, payloadHash } = decode(anEvent([record]))[0]!;
  const store = new DynamoDBClient({ endpoint });
  const Item = { pk: { S: `${queue}#${id}` }, payloadHash: { S: payloadHash }, ...attributes };
  await store.send(new PutItemCommand({ TableName: `${tablePrefix}inbox`, Item }));
  store.destroy();
}
