import { beforeAll, describe, expect, test } from '@jest/globals';

import { corruptItems, repairItem } from '../../infra/demo/corrupt-items.ts';
import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import type { Span } from '../../infra/dev/traces/span.ts';
import { waterfall } from '../../infra/dev/traces/waterfall.ts';
import { eventually } from '../support/eventually.ts';

let environment: DevEnvironment;

const operator = async (scope: string) => ({ authorization: `Bearer ${await environment.service.token(scope)}` });

async function placeOrder(customerId: string, key: string, headers: Record<string, string> = {}): Promise<string> {
  const body = JSON.stringify({ customerId, currency: 'EUR', items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }] });
  for (;;) {
    const response = await fetch(`${environment.service.url}/orders`, {
      method: 'POST',
      headers: { ...signedHeaders(body, { key }), ...headers },
      body,
    });
    const { orderId } = (await response.json()) as { orderId: string };
    if (response.status === 202) return orderId;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function spansOf(id: string): Promise<Span[]> {
  const response = await fetch(`${environment.traces!.url}/traces/${id}`);
  return ((await response.json()) as { spans: Span[] }).spans;
}

const named = (spans: readonly Span[], name: string) => spans.filter((span) => span.name === name);
const parentIn = (spans: readonly Span[], { parentSpanId }: Span) =>
  spans.find(({ spanId }) => spanId === parentSpanId);

/**
 * Returns the spans whose parent is missing from `spans`. `callers` contains the ids of parents outside the service,
 * which may be missing.
 */
const orphans = (spans: readonly Span[], callers: readonly string[] = []) =>
  spans.filter(
    (span) => span.parentSpanId !== undefined && !callers.includes(span.parentSpanId) && !parentIn(spans, span),
  );

/**
 * Tests the traces that the development environment receives. `ordersAroundKill` returns the ids of orders that were
 * accepted before and after an earlier test killed the broker.
 */
export function traceTests(started: () => DevEnvironment, ordersAroundKill: () => readonly string[]): void {
  describe('the traces that npm start receives', () => {
    beforeAll(() => {
      environment = started();
    });

    test('one trace shows all steps of an order: the HTTP request, three retries, the dead letter, and the completion after a redrive', async () => {
      const customerId = 'grace';
      await corruptItems(environment, [customerId]);
      const caller = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
      const orderId = await placeOrder(customerId, 'traced', {
        traceparent: `00-${caller.traceId}-${caller.spanId}-01`,
        baggage: 'tenant=blue',
      });

      const deadLetter = await eventually('the dead letter', async () => {
        const response = await fetch(`${environment.service.url}/dead-letters?queue=points`, {
          headers: await operator('dead-letters:read'),
        });
        const { deadLetters } = (await response.json()) as { deadLetters: { id: string; messageId: string }[] };
        return deadLetters.find(({ messageId }) => messageId === orderId);
      });
      await repairItem(environment, customerId);
      const redriven = await fetch(`${environment.service.url}/dead-letters/${deadLetter.id}/redrive`, {
        method: 'POST',
        headers: { ...(await operator('dead-letters:redrive')), 'content-type': 'application/json' },
        body: '{}',
      });
      expect(redriven.status).toBe(200);
      const spans = await eventually('the span of the redriven message', async () => {
        const found = await spansOf(orderId);
        return named(found, 'process points').length >= 5 && named(found, 'POST /dead-letters/{id}/redrive').length > 0
          ? found
          : undefined;
      });

      const [request] = named(spans, 'POST /orders');
      expect(request).toMatchObject({
        kind: 'server',
        traceId: caller.traceId,
        parentSpanId: caller.spanId,
        attributes: { 'http.request.method': 'POST', 'http.route': '/orders', 'http.response.status_code': 202 },
      });
      const [send] = named(spans, 'send orders');
      expect(send).toMatchObject({
        kind: 'producer',
        parentSpanId: request!.spanId,
        attributes: {
          'messaging.system': 'rabbitmq',
          'messaging.destination.name': 'orders:order.created',
          'messaging.message.id': orderId,
        },
      });

      const attempts = named(spans, 'process points');
      expect(
        attempts.map(({ traceId, kind, parentSpanId, hasFailed, attributes }) => ({
          traceId,
          kind,
          isChildOfSend: parentSpanId === send!.spanId,
          hasFailed,
          outcome: attributes['surehop.outcome'],
          attempt: attributes['surehop.attempt'],
        })),
      ).toEqual(
        ['retry', 'retry', 'retry', 'dead-letter', 'completed'].map((outcome, index) => ({
          traceId: caller.traceId,
          kind: 'consumer',
          isChildOfSend: true,
          hasFailed: outcome !== 'completed',
          outcome,
          attempt: outcome === 'completed' ? 1 : index + 1,
        })),
      );
      // Each attempt ends with the settlement of its batch, which consists of this message.
      const settlements = named(spans, 'settle points');
      expect(settlements.map(({ parentSpanId }) => parentSpanId)).toEqual(attempts.map(({ spanId }) => spanId));
      expect(
        settlements.map(({ kind, hasFailed, attributes }) => ({
          kind,
          hasFailed,
          operation: attributes['messaging.operation.type'],
          messages: attributes['messaging.batch.message_count'],
          settlement: attributes['surehop.settlement'],
        })),
      ).toEqual(
        attempts.map(() => ({
          kind: 'internal',
          hasFailed: false,
          operation: 'settle',
          messages: 1,
          settlement: 'acknowledge',
        })),
      );
      // Each attempt is linked to the span that published its copy, and that span is a child of the attempt before.
      const publishers = attempts
        .slice(1)
        .map(({ links }) =>
          spans.find((span) => span.kind === 'producer' && links.some((link) => link.spanId === span.spanId)),
        );
      expect(publishers.map((publisher) => publisher && parentIn(spans, publisher)?.name)).toEqual([
        'process points',
        'process points',
        'process points',
        'POST /dead-letters/{id}/redrive',
      ]);
      expect(publishers.slice(0, 3).map((publisher) => publisher?.parentSpanId)).toEqual(
        attempts.slice(0, 3).map(({ spanId }) => spanId),
      );
      const [archived] = named(spans, 'process dead-letters');
      expect(named(spans, 'settle dead-letters')).toMatchObject([
        { parentSpanId: archived!.spanId, attributes: { 'surehop.settlement': 'acknowledge' } },
      ]);
      expect(archived).toMatchObject({ traceId: caller.traceId, source: 'surehop-local-archive-dead-letter' });
      expect(spans.filter(({ name }) => name === 'TransactWriteItems').length).toBeGreaterThanOrEqual(5);
      expect(
        named(spans, 'receive points').every(({ attributes }) => attributes['messaging.batch.message_count'] === 1),
      ).toBe(true);
      expect(orphans(spans, [caller.spanId])).toEqual([]);

      const printed = waterfall(spans).split('\n');
      expect(printed).toHaveLength(spans.length);
      expect(printed[0]).toContain('POST /orders');
    }, 120_000);

    test('after the broker is killed, no span is missing its parent, and every accepted order has a completed span', async () => {
      const orderIds = ordersAroundKill();
      expect(orderIds.length).toBeGreaterThanOrEqual(40);
      const isProcessed = (spans: readonly Span[], orderId: string) =>
        ['process stock', 'process points'].every((name) =>
          named(spans, name).some(
            ({ attributes }) =>
              attributes['messaging.message.id'] === orderId && attributes['surehop.outcome'] === 'completed',
          ),
        );
      for (const orderId of orderIds) {
        const spans = await eventually(`the spans of ${orderId}`, async () => {
          const found = await spansOf(orderId);
          return isProcessed(found, orderId) ? found : undefined;
        });
        expect(orphans(spans)).toEqual([]);
      }
    }, 600_000);
  });
}
