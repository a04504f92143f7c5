import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import { ask, tableName } from '../../lib/inbox/ask.ts';
import { sku } from './events.ts';

/** GET /stock/{sku}: how many pieces there are. */
export const handler = endpoint({ path: z.object({ sku }) }, async ({ path: { sku } }) => {
  const { Item: item } = await ask((store) =>
    store.send(new GetItemCommand({ TableName: tableName('stock'), Key: { sku: { S: sku } }, ConsistentRead: true })),
  );
  if (!item?.available?.N) throw new Problem('not-found', `No stock was ever set for ${sku}.`);
  return ok({ sku, available: Number(item.available.N) });
});
