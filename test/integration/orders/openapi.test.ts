import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

import type { HttpHandler } from '../../../lib/http/endpoint.ts';
import { throttledResult } from '../../../infra/dev/http-functions/result.ts';
import { deadLetterCopy } from '../../../lib/events/copies.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { callAsOperator, callSigned } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { call, type About, type Got } from '../../support/request.ts';

interface Operation {
  readonly responses: Record<string, { content: Record<string, { schema: object; example?: unknown }> }>;
  readonly requestBody?: { content: Record<string, { schema: object; example?: unknown }> };
  readonly security: object[];
  readonly parameters: { name: string; in: string }[];
}

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

let backend: Backend;
let document: Document;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  const { handler } = await import('../../../functions/operations/openapi.ts');
  document = (await call(handler, { route: 'GET /openapi.json' })).body;
});

afterAll(() => backend.remove());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
  );

/**
 * Converts a JSON schema of the OpenAPI document to a Zod schema, with which the tests validate responses and examples.
 */
function validator(schema: object): z.ZodType {
  const isProblem = JSON.stringify(schema).includes('#/components/schemas/Problem');
  return z.fromJSONSchema((isProblem ? document.components.schemas['Problem'] : schema) as never);
}

/** Returns the differences between a response and its schema in the OpenAPI document. */
function undocumentedIn(route: string, { status, headers, body }: Got): unknown[] {
  const { operation } = operations().find((one) => one.route === route)!;
  const content = operation.responses[String(status)]?.content[String(headers['content-type'])];
  if (!content) return [`${route} answered ${status} as ${headers['content-type']}`];
  return validator(content.schema).safeParse(body).error?.issues ?? [];
}

test('the OpenAPI document describes exactly the HTTP routes that serverless.yml declares', () => {
  const file = fileURLToPath(new URL('../../../serverless.yml', import.meta.url));
  const { functions } = parse(readFileSync(file, 'utf8'), { merge: true }) as {
    functions: Record<string, { events?: unknown }>;
  };
  const served = Object.values(functions)
    .flatMap(({ events }) => (Array.isArray(events) ? (events as { httpApi?: unknown }[]) : []))
    .flatMap(({ httpApi }) => {
      if (httpApi === undefined) return [];
      if (typeof httpApi === 'string') return [httpApi];
      const { method, path } = httpApi as { method: string; path: string };
      return [`${method} ${path}`];
    });
  expect(
    operations()
      .map(({ route }) => route)
      .toSorted(),
  ).toEqual(served.toSorted());
  expect(document.openapi).toMatch(/^3\.1\./);
});

test('each operation of the OpenAPI document has an example of an answer, and each example matches its schema', () => {
  for (const { route, operation } of operations()) {
    const examplesOf = (one: typeof operation.requestBody) =>
      Object.values(one?.content ?? {}).filter(({ example }) => example !== undefined);
    const answers = Object.values(operation.responses).flatMap(examplesOf);
    expect([route, answers.length > 0]).toEqual([route, true]);
    const examples = [...examplesOf(operation.requestBody), ...answers];
    for (const { schema, example } of examples)
      expect([route, validator(schema).safeParse(example).error?.issues ?? []]).toEqual([route, []]);
  }
});

test('according to the OpenAPI document, every route except seven public ones needs a signature or a token', () => {
  const open = operations().flatMap(({ route, operation }) => (operation.security.length === 0 ? [route] : []));
  expect(open.toSorted()).toEqual(
    [
      'GET /console',
      'GET /customers/{id}/points',
      'GET /healthz',
      'GET /openapi.json',
      'GET /orders/{id}',
      'GET /readyz',
      'GET /stock/{sku}',
    ].toSorted(),
  );
});

test('if a client exceeds the rate limit of the local HTTP server, the response with status 429 matches the OpenAPI document for every route', () => {
  const { statusCode: status, headers = {}, body = '' } = throttledResult(randomUUID());
  const answer: Got = { status, headers, body: JSON.parse(body) };
  for (const { route, operation } of operations()) {
    expect(undocumentedIn(route, answer)).toEqual([]);
    expect([route, Object.keys(operation.responses['429']!.content)]).toEqual([route, ['application/json']]);
  }
});

describe('responses and the OpenAPI document', () => {
  const order = { customerId: 'c-1', currency: 'EUR', items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }] };

  test('responses of the order routes match the OpenAPI document', async () => {
    const { handler: place } = await import('../../../functions/orders/place-order.ts');
    const { handler: get } = await import('../../../functions/orders/get-order.ts');
    const key = randomUUID();
    const accepted = await callSigned(place, key, { route: 'POST /orders', body: order });
    const said = [
      accepted,
      await callSigned(place, key, { route: 'POST /orders', body: { ...order, customerId: 'c-2' } }),
      await callSigned(place, key, { route: 'POST /orders', body: { customerId: 'c' } }),
      await callSigned(place, key, { route: 'POST /orders', body: order, headers: { 'content-type': 'text/plain' } }),
      await callSigned(place, key, { route: 'POST /orders', body: order, headers: { 'idempotency-key': 'other' } }),
      await call(place, { route: 'POST /orders', body: order }),
      await callSigned(place, key, { route: 'POST /orders', raw: ' '.repeat(131_073) }),
    ];
    expect(said.map(({ status }) => status)).toEqual([202, 422, 400, 415, 400, 401, 413]);
    for (const answer of said) expect(undocumentedIn('POST /orders', answer)).toEqual([]);
    const id = accepted.body.orderId as string;
    const { handler: timeline } = await import('../../../functions/orders/get-order-timeline.ts');
    for (const path of [{ id }, { id: randomUUID() }]) {
      expect(undocumentedIn('GET /orders/{id}', await call(get, { route: 'GET /orders/{id}', path }))).toEqual([]);
      const route = 'GET /orders/{id}/timeline';
      expect(undocumentedIn(route, await callAsOperator(timeline, { route, path }))).toEqual([]);
    }
  });

  const routes: readonly (readonly [string, string, () => Promise<{ handler: HttpHandler }>, About])[] = [
    [
      'PUT /stock/{sku}',
      'an operator',
      () => import('../../../functions/orders/put-stock.ts'),
      { path: { sku: 'apple' }, body: { available: 3 } },
    ],
    [
      'GET /stock/{sku}',
      'an anonymous client',
      () => import('../../../functions/orders/get-stock.ts'),
      { path: { sku: 'apple' } },
    ],
    [
      'GET /stock/{sku}',
      'an anonymous client',
      () => import('../../../functions/orders/get-stock.ts'),
      { path: { sku: 'none' } },
    ],
    [
      'GET /customers/{id}/points',
      'an anonymous client',
      () => import('../../../functions/orders/get-points.ts'),
      { path: { id: 'c' } },
    ],
    ['GET /healthz', 'an anonymous client', () => import('../../../functions/operations/healthz.ts'), {}],
    ['GET /readyz', 'an anonymous client', () => import('../../../functions/operations/readyz.ts'), {}],
    ['GET /status', 'an operator', () => import('../../../functions/operations/status.ts'), {}],
    ['GET /alarms', 'an operator', () => import('../../../functions/operations/alarms.ts'), {}],
    [
      'GET /messages/{id}',
      'an operator',
      () => import('../../../functions/operations/message.ts'),
      { path: { id: 'none' } },
    ],
    [
      'GET /orders/{id}/timeline',
      'an operator',
      () => import('../../../functions/orders/get-order-timeline.ts'),
      { path: { id: 'none' } },
    ],
    ['GET /openapi.json', 'an anonymous client', () => import('../../../functions/operations/openapi.ts'), {}],
    [
      'GET /dead-letters',
      'an operator',
      () => import('../../../functions/dead-letters/list.ts'),
      { query: { limit: '1' } },
    ],
    [
      'GET /dead-letters',
      'an operator',
      () => import('../../../functions/dead-letters/list.ts'),
      { query: { limit: 'x' } },
    ],
  ];

  test.each(routes)(
    'the response to the request %s, sent by %s, matches the OpenAPI document',
    async (route, who, load, about) => {
      const { handler } = await load();
      expect(
        undocumentedIn(route, await (who === 'an operator' ? callAsOperator : call)(handler, { route, ...about })),
      ).toEqual([]);
      if (who === 'an operator') expect(undocumentedIn(route, await call(handler, { route, ...about }))).toEqual([]);
    },
  );

  test('responses of the dead-letter routes match the OpenAPI document', async () => {
    const { handler: archive } = await import('../../../functions/dead-letters/archive.ts');
    const { handler: list } = await import('../../../functions/dead-letters/list.ts');
    const { handler: get } = await import('../../../functions/dead-letters/get.ts');
    const { handler: redrive } = await import('../../../functions/dead-letters/redrive.ts');
    const { handler: redriveMany } = await import('../../../functions/dead-letters/redrive-many.ts');
    const { handler: startJob } = await import('../../../functions/dead-letters/start-job.ts');
    const { handler: discard } = await import('../../../functions/dead-letters/discard.ts');
    const { handler: edit } = await import('../../../functions/dead-letters/edit.ts');
    const note = (id: string) => {
      const about = { id: id as MessageId, code: 'BOOM', reason: 'x', queue: 'stock', at: new Date().toISOString() };
      const { body, properties } = deadLetterCopy(
        { body: Buffer.from('{}'), properties: { headers: {} } },
        'dead-letters',
        about,
      );
      return aRecord({ raw: body, headers: properties.headers });
    };
    const [first, second, third, fourth] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    await archive(anEvent([note(first), note(second), note(third), note(fourth)], 'dead-letters'));
    const ask = async (handler: HttpHandler, route: string, about: About, status: number) => {
      const got = await callAsOperator(handler, { route, ...about });
      expect([route, got.status]).toEqual([route, status]);
      expect(undocumentedIn(route, got)).toEqual([]);
    };
    await ask(list, 'GET /dead-letters', {}, 200);
    await ask(get, 'GET /dead-letters/{id}', { path: { id: first } }, 200);
    await ask(get, 'GET /dead-letters/{id}', { path: { id: 'none' } }, 404);
    await ask(redrive, 'POST /dead-letters/{id}/redrive', { path: { id: first }, body: {} }, 200);
    await ask(redrive, 'POST /dead-letters/{id}/redrive', { path: { id: first }, body: {} }, 409);
    await ask(discard, 'DELETE /dead-letters/{id}', { path: { id: second }, body: { reason: 'x' } }, 200);
    await ask(discard, 'DELETE /dead-letters/{id}', { path: { id: second }, body: {} }, 400);
    await ask(get, 'GET /dead-letters/{id}', { path: { id: second } }, 200);
    const edited = { body: { text: '{}' }, reason: 'x' };
    const editRoute = 'POST /dead-letters/{id}/edit';
    await ask(edit, editRoute, { path: { id: fourth }, body: { ...edited, dryRun: true } }, 200);
    await ask(edit, editRoute, { path: { id: fourth }, body: { ...edited, type: 'order.created' } }, 422);
    await ask(edit, editRoute, { path: { id: fourth }, body: edited }, 200);
    await ask(edit, editRoute, { path: { id: fourth }, body: { ...edited, body: { text: '[]' } } }, 409);
    await ask(edit, editRoute, { path: { id: 'none' }, body: edited }, 404);
    await ask(get, 'GET /dead-letters/{id}', { path: { id: fourth } }, 200);
    const job = { action: 'redrive', ids: [third, 'none'], reason: 'x' };
    await ask(startJob, 'POST /dead-letters/jobs', { body: { ...job, dryRun: true } }, 200);
    await ask(startJob, 'POST /dead-letters/jobs', { body: job }, 202);
    await ask(redriveMany, 'POST /dead-letters/redrive', { body: { filter: {}, maximum: 5 } }, 200);
  });
});
