import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { ask, tableName } from '../../lib/inbox/ask.ts';
import { customerId } from './events.ts';

/** GET /customers/{id}/points: a customer's points; none where nothing was ever awarded. */
export const handler = endpoint({ path: z.object({ id: customerId }) }, async ({ path: { id } }) => {
  const { Item: item } = await ask((store) =>
    store.send(
      new GetItemCommand({ TableName: tableName('points'), Key: { customerId: { S: id } }, ConsistentRead: true }),
    ),
  );
  return ok({ customerId: id, points: Number(item?.points?.N ?? 0) });
});
