import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { tables } from '../../infra/tables.ts';
import { ok } from '../../lib/http/answer.ts';
import { open } from '../../lib/http/auth/access.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import type { Route } from '../../lib/http/route.ts';
import { sendToDynamo, tableName } from '../../lib/dynamodb/send.ts';
import { shelf } from './answers.ts';
import { sku } from './events.ts';

export const route = {
  route: 'GET /stock/{sku}',
  summary: 'How many pieces there are.',
  access: open,
  path: z.object({ sku }),
  needs: ['store'],
  answers: { 200: shelf },
  problems: ['not-found'],
  example: { answer: { sku: 'apple', available: 98 } },
} satisfies Route;

/** GET /stock/{sku}: how many pieces there are. */
export const handler = endpoint(route, async ({ path: { sku } }) => {
  const { Item: item } = await sendToDynamo((store) =>
    store.send(
      new GetItemCommand({ TableName: tableName(tables.stock), Key: { sku: { S: sku } }, ConsistentRead: true }),
    ),
  );
  if (!item?.available?.N) throw new Problem('not-found', `No stock was ever set for ${sku}.`);
  return ok({ sku, available: Number(item.available.N) });
});
