import { randomUUID } from 'node:crypto';

import { BatchWriteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { RabbitMqEvent, RabbitMqRecord } from '../../lib/message/delivery.ts';
import { anEvent, aRecord } from '../support/delivery.ts';
import { TABLE_PREFIX } from './protocol.ts';

/** The id and the JSON body of an `order.created` message. Each order of the benchmark is for one unit of one SKU. */
export interface OrderMessage {
  readonly id: string;
  readonly body: string;
}

const ITEMS_PER_REQUEST = 25;

const skuNumber = (n: number): string => `sku-${n}`;

/** Creates `count` messages, each of which orders one unit of one of `skus` different SKUs. */
export function orders(count: number, skus: number, first = 0): OrderMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const id = randomUUID();
    const items = [{ sku: skuNumber((first + index) % skus), quantity: 1, unitPrice: 999 }];
    return { id, body: JSON.stringify({ orderId: id, customerId: `customer-${index}`, currency: 'EUR', items }) };
  });
}

const headers = {
  'surehop-exchange': 'orders',
  'surehop-routing-key': 'order.created',
  'surehop-published-at': '2026-11-22T12:33:41.000Z',
  'surehop-schema-version': 1,
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

export const record = ({ id, body }: OrderMessage, redelivered = false): RabbitMqRecord =>
  aRecord({ id, raw: Buffer.from(body), type: 'order.created', headers, redelivered });

/**
 * Creates the event that Lambda's event source for RabbitMQ passes to a function. The event is serialized to JSON and
 * parsed again, because the Lambda runtime also parses each event from JSON.
 */
export const rabbitMqEvent = (records: readonly RabbitMqRecord[]): RabbitMqEvent =>
  JSON.parse(JSON.stringify(anEvent(records)));

export async function stockUp(client: DynamoDBClient, skus: number, available: (n: number) => number): Promise<void> {
  const puts = Array.from({ length: skus }, (_, n) => ({
    PutRequest: { Item: { sku: { S: skuNumber(n) }, available: { N: String(available(n)) } } },
  }));
  for (let start = 0; start < puts.length; start += ITEMS_PER_REQUEST) {
    const RequestItems = { [`${TABLE_PREFIX}stock`]: puts.slice(start, start + ITEMS_PER_REQUEST) };
    await client.send(new BatchWriteItemCommand({ RequestItems }));
  }
}

export const plenty = (): number => 1_000_000;
