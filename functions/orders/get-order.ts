import * as z from 'zod';
import { archiveTable, findByMessage } from 'surehop/archive';
import { readItem } from 'surehop/dynamodb';
import type { MessageId } from 'surehop/events';
import { endpoint, ok, open, Problem, type Route } from 'surehop/http';
import { inbox } from 'surehop/inbox';

import { tables } from '../../infra/tables.ts';
import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';
import { orderStatus, orderStatusSchema } from './order-status.ts';

export const route = {
  route: 'GET /orders/{id}',
  summary: 'Returns the status of an order and the outcome of each of its consumers.',
  access: open,
  path: z.object({ id: z.string().min(1).max(100).toLowerCase() }),
  needs: ['store'],
  answers: { 200: orderStatusSchema },
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

/** GET /orders/{id} */
export const handler = endpoint(surehop, route, async ({ path: { id }, note }) => {
  note({ orderId: id });
  const [intake, stock, points, deadLetters] = await Promise.all([
    readItem(surehop, tables.orders, { orderId: id }),
    followEdits(queues.stock.name, id),
    followEdits(queues.points.name, id),
    findByMessage(archiveTable(surehop), id),
  ]);
  const markers = { stock: stock.marker, points: points.marker };
  const letters = [...deadLetters, ...stock.deadLetters, ...points.deadLetters];
  const status = orderStatus(
    id,
    intake,
    markers,
    letters.filter(({ supersededBy }) => supersededBy === undefined),
  );
  if (!status) throw new Problem('not-found', 'There is no order with this id.');
  return ok(status);
});

const MAX_EDITS = 20;

/**
 * Reads the inbox record of an order's message at one consumer. If an operator has edited the message, reads the inbox
 * record and the dead letters of the edited message.
 */
async function followEdits(queue: string, id: string) {
  let messageId = id;
  let marker = await findMarker(queue, id);
  for (let edits = 0; edits < MAX_EDITS && marker && 'supersededBy' in marker && marker.supersededBy; edits += 1) {
    messageId = marker.supersededBy;
    marker = await findMarker(queue, messageId);
  }
  return { marker, deadLetters: messageId === id ? [] : await findByMessage(archiveTable(surehop), messageId) };
}

const findMarker = async (queue: string, id: string) =>
  (await inbox(surehop).find(queue, [id as MessageId])).get(id as MessageId);
