import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { queues } from '../../infra/topology.ts';
import { tables } from '../../infra/tables.ts';
import { ok } from '../../lib/http/answer.ts';
import { open } from '../../lib/http/auth/access.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import type { Route } from '../../lib/http/route.ts';
import { sendToDynamo, tableName } from '../../lib/dynamodb/send.ts';
import { inbox } from '../../lib/inbox/process-inbox.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import { findByMessage } from '../../lib/dead-letters/list.ts';
import { archiveTable } from '../../lib/dead-letters/record.ts';
import { store } from '../../lib/dynamodb/store.ts';
import { config } from '../../lib/runtime/config.ts';
import { standingOrder } from './answers.ts';
import { orderStatus, type IntakeRecord } from './order-status.ts';

export const route = {
  route: 'GET /orders/{id}',
  summary: 'Where an order stands, with each of its consumers.',
  access: open,
  path: z.object({ id: z.string().min(1).max(100).toLowerCase() }),
  needs: ['store'],
  answers: { 200: standingOrder },
  problems: ['not-found'],
  example: {
    answer: {
      orderId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
      status: 'fulfilled',
      acceptedAt: '2026-11-22T12:00:00.000Z',
      consumers: {
        stock: { outcome: 'completed', at: '2026-11-22T12:00:00.180Z' },
        points: { outcome: 'completed', at: '2026-11-22T12:00:00.190Z' },
      },
    },
  },
} satisfies Route;

/** GET /orders/{id}: where an order stands, with each of its consumers. */
export const handler = endpoint(route, async ({ path: { id }, note }) => {
  note({ orderId: id });
  const [record, stock, points, deadLetters] = await Promise.all([
    readIntake(id),
    readMarker(queues.stock.name, id),
    readMarker(queues.points.name, id),
    findByMessage(archiveTable(store(), config()), id),
  ]);
  const status = orderStatus(id, record, { stock, points }, deadLetters);
  if (!status) throw new Problem('not-found', 'There is no order with this id.');
  return ok(status);
});

const readMarker = async (queue: string, id: string) =>
  (await inbox().find(queue, [id as MessageId])).get(id as MessageId);

async function readIntake(orderId: string): Promise<IntakeRecord | undefined> {
  const { Item: item } = await sendToDynamo((store) =>
    store.send(
      new GetItemCommand({
        TableName: tableName(tables.orders),
        Key: { orderId: { S: orderId } },
        ConsistentRead: true,
      }),
    ),
  );
  if (!item) return undefined;
  return { status: item.status?.S === 'accepted' ? 'accepted' : 'publishing', acceptedAt: item.acceptedAt?.S };
}
