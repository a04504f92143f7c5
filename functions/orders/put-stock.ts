import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { tables } from '../../infra/tables.ts';
import { sendToDynamo } from '../../lib/dynamodb/send.ts';
import { store, tableName } from '../../lib/dynamodb/store.ts';
import { ok } from '../../lib/http/answer.ts';
import { audited, reason } from '../../lib/http/audit.ts';
import { operator } from '../../lib/http/auth/operator.ts';
import { endpoint, type Route } from '../../lib/http/endpoint.ts';
import { surehop } from '../surehop.ts';
import { sku } from './events.ts';

export const route = {
  route: 'PUT /stock/{sku}',
  summary: 'Sets how many items of a SKU are available.',
  access: operator('stock:write'),
  path: z.object({ sku }),
  body: z.strictObject({ available: z.int().min(0).max(1_000_000_000), reason: reason.optional() }),
  needs: ['store'],
  answers: { 200: z.strictObject({ sku, available: z.int() }) },
  example: { body: { available: 100, reason: 'delivery of Tuesday' }, answer: { sku: 'apple', available: 100 } },
} satisfies Route;

/** PUT /stock/{sku} */
export const handler = endpoint(surehop, route, async (request) => {
  const { sku } = request.path;
  const { available, reason } = request.body;
  request.note({ sku, available });
  await audited(request, { subject: `stock/${sku}`, requested: { available }, reason }, () => setStock(sku, available));
  return ok({ sku, available });
});

const setStock = (sku: string, available: number) =>
  sendToDynamo(
    (client) =>
      client.send(
        new UpdateItemCommand({
          TableName: tableName(surehop, tables.stock),
          Key: { sku: { S: sku } },
          UpdateExpression: 'SET available = :available',
          ExpressionAttributeValues: { ':available': { N: String(available) } },
        }),
      ),
    store(surehop),
  );
