import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { call } from '../../support/request.ts';

let backend: Backend;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];
let redriveOne: HttpHandler;
let getOrder: HttpHandler;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  ({ handler: redriveOne } = await import('../../../functions/dead-letters/redrive.ts'));
  ({ handler: getOrder } = await import('../../../functions/orders/get-order.ts'));
});

afterAll(() => backend.remove());

const redrive = (id: string) =>
  callAsOperator(redriveOne, { route: 'POST /dead-letters/{id}/redrive', path: { id }, body: undefined });

test("if the broker dead-letters an order's message, GET /orders/{id} returns the status dead-lettered until the message is redriven", async () => {
  const messageId = randomUUID();
  const death = { 'x-death': [{ queue: 'points', reason: 'expired', count: 1, time: Math.floor(Date.now() / 1_000) }] };
  await archive(anEvent([aRecord({ id: messageId, headers: death })], 'dead-letters'));
  const order = async () => (await call(getOrder, { route: 'GET /orders/{id}', path: { id: messageId } })).body;
  const before = await order();
  expect(before).toMatchObject({
    status: 'dead-lettered',
    consumers: { points: { outcome: 'dead-lettered', code: 'EXPIRED' }, stock: { outcome: 'pending' } },
  });
  expect((await redrive(before.consumers.points.deadLetterId)).status).toBe(200);
  expect(await order()).toMatchObject({ status: 'accepted', consumers: { points: { outcome: 'pending' } } });
  expect(await backend.host.drain('points')).toHaveLength(1);
});
