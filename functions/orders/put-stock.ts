import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { ask, tableName } from '../../lib/inbox/ask.ts';
import { sku } from './events.ts';

const path = z.object({ sku });
const body = z.strictObject({ available: z.int().min(0).max(1_000_000_000) });

/** PUT /stock/{sku}: sets how many pieces there are. */
export const handler = endpoint({ path, body }, async ({ path: { sku }, body: { available }, note }) => {
  note({ sku, available });
  await ask((store) =>
    store.send(
      new UpdateItemCommand({
        TableName: tableName('stock'),
        Key: { sku: { S: sku } },
        UpdateExpression: 'SET available = :available',
        ExpressionAttributeValues: { ':available': { N: String(available) } },
      }),
    ),
  );
  return ok({ sku, available });
});
