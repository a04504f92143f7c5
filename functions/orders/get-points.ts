import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { tables } from '../../infra/tables.ts';
import { ok } from '../../lib/http/answer.ts';
import { open } from '../../lib/http/auth/access.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import type { Route } from '../../lib/http/route.ts';
import { sendToDynamo, tableName } from '../../lib/dynamodb/send.ts';
import { pointsOfCustomer } from './answers.ts';
import { customerId } from './events.ts';

export const route = {
  route: 'GET /customers/{id}/points',
  summary: "A customer's points; none where nothing was ever awarded.",
  access: open,
  path: z.object({ id: customerId }),
  needs: ['store'],
  answers: { 200: pointsOfCustomer },
  example: { answer: { customerId: 'ada', points: 3 } },
} satisfies Route;

/** GET /customers/{id}/points: a customer's points; none where nothing was ever awarded. */
export const handler = endpoint(route, async ({ path: { id } }) => {
  const { Item: item } = await sendToDynamo((store) =>
    store.send(
      new GetItemCommand({ TableName: tableName(tables.points), Key: { customerId: { S: id } }, ConsistentRead: true }),
    ),
  );
  // The counter goes on beyond what a JSON number holds exactly; the answer stops there.
  return ok({ customerId: id, points: Math.min(Number(item?.points?.N ?? 0), Number.MAX_SAFE_INTEGER) });
});
