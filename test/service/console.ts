import { randomUUID } from 'node:crypto';
import { request } from 'node:http';

import { beforeAll, describe, expect, test } from '@jest/globals';

import { requireOwnPage } from '../../infra/dev/console/guard.ts';
import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { eventually } from '../support/eventually.ts';

interface Session {
  readonly token: string;
  readonly expiresAt: string;
  readonly scopes: readonly string[];
  readonly local: boolean;
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: any;
}

let environment: DevEnvironment;
let host: string;
let token: string;

/**
 * Returns the headers with which a browser marks a request of the service's own page as a same-origin request, together
 * with the headers in `more`.
 */
const own = (more: Record<string, string> = {}) => ({ host, 'sec-fetch-site': 'same-origin', ...more });

/** Sends an HTTP request with exactly the given headers, whereas `fetch` would refuse some of them. */
function ask(method: string, path: string, headers: Record<string, string> = {}, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(environment.service.url + path, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => {
        const isJson = /json/.test(response.headers['content-type'] ?? '');
        resolve({ status: response.statusCode!, headers: response.headers, body: isJson ? JSON.parse(text) : text });
      });
    });
    sent.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const asDeveloper = () => own({ authorization: `Bearer ${token}`, 'content-type': 'application/json' });
const post = (action: string, body: unknown = {}) => ask('POST', `/console/dev/${action}`, asDeveloper(), body);
const deadLetterOf = (messageId: string) =>
  eventually(`the dead letter of the message ${messageId}`, async () => {
    const { body } = await ask('GET', '/dead-letters', asDeveloper());
    return (body.deadLetters as { messageId: string; queue: string; code: string }[] | undefined)?.find(
      (one) => one.messageId === messageId,
    );
  });

export function consoleTests(started: () => DevEnvironment): void {
  beforeAll(async () => {
    environment = started();
    host = new URL(environment.service.url).host;
    token = ((await ask('GET', '/console/session', own())).body as Session).token;
  });

  describe("the developer's session", () => {
    test("a page of the service gets a token that has every scope and that the service's own routes accept", async () => {
      const { status, headers, body } = await ask('GET', '/console/session', own());
      expect(status).toBe(200);
      const session = body as Session;
      expect(session).toMatchObject({ local: true });
      expect(session.scopes).toEqual(expect.arrayContaining(['dead-letters:redrive', 'status:read', 'local:send']));
      expect(Date.parse(session.expiresAt)).toBeGreaterThan(Date.now());
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'cross-origin-resource-policy': 'same-origin' });
      const read = await ask('GET', '/status', own({ authorization: `Bearer ${session.token}` }));
      expect(read.status).toBe(200);
    });

    test.each([
      ['of another site', () => ({ host, 'sec-fetch-site': 'cross-site', origin: 'https://attacker.example' })],
      ['on another port of localhost', () => ({ host, 'sec-fetch-site': 'same-site', origin: 'http://localhost:1' })],
      ['of a site whose name stands for 127.0.0.1', () => ({ ...own(), host: 'attacker.example' })],
    ])('a page %s gets neither a token nor headers with which it could read the response', async (_, headersOf) => {
      const { status, headers, body } = await ask('GET', '/console/session', headersOf());
      expect(status).toBe(403);
      expect(JSON.stringify(body)).not.toContain('ey');
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(() => requireOwnPage(headersOf())).toThrow();
    });

    test.each(['GET /openapi.json', 'OPTIONS /console/session', 'OPTIONS /console/dev/kill-broker', 'GET /nowhere'])(
      'the response to %s has no headers with which a page of another site could read the response',
      async (route) => {
        const [method = '', path = ''] = route.split(' ');
        const origin = 'https://attacker.example';
        const { headers } = await ask(method, path, { origin, 'access-control-request-method': 'POST' });
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      },
    );
  });

  describe('what a developer can send from the console', () => {
    test('every event of the service is listed with its schema, its queues and an example event that the consumers process without an error', async () => {
      const { status, body } = await ask('GET', '/console/dev/events', asDeveloper());
      expect(status).toBe(200);
      expect(body.events.map((event: { type: string; queues: string[] }) => [event.type, event.queues])).toEqual([
        ['order.created', ['stock', 'points']],
        ['order.rejected', ['points']],
      ]);
      expect(body.queues).toEqual([
        { name: 'stock', failing: 0 },
        { name: 'points', failing: 0 },
      ]);
      const [created] = body.events;
      expect(created.schema).toMatchObject({
        type: 'object',
        required: expect.arrayContaining(['customerId', 'items']),
      });
      const published = await post('publish', { type: 'order.created', body: created.example });
      expect(published).toMatchObject({ status: 200, body: { exchange: 'orders', queues: ['stock', 'points'] } });
      await eventually('the example completed by both consumers', async () => {
        const { body: order } = await ask('GET', `/orders/${published.body.id}`);
        return ['stock', 'points'].every((queue) => order.consumers?.[queue]?.outcome === 'completed');
      });
    });

    test('an event with a wrong body, and a message that is not JSON, become dead letters of their queues', async () => {
      const wrong = await post('publish', { type: 'order.rejected', body: { orderId: 7 } });
      const poison = await post('poison', { queue: 'stock' });
      expect([wrong.status, poison.status]).toEqual([200, 200]);
      expect(await deadLetterOf(wrong.body.id)).toMatchObject({ queue: 'points' });
      expect(await deadLetterOf(poison.body.id)).toMatchObject({ queue: 'stock' });
    });

    test('after a developer has asked for two failures of a consumer, exactly two attempts fail, and the message is then completed', async () => {
      expect(await post('fail-next', { queue: 'points', count: 2 })).toMatchObject({ status: 200 });
      const { body } = await ask('GET', '/console/dev/events', asDeveloper());
      const published = await post('publish', { type: 'order.rejected', body: body.events[1].example });
      const spans = await eventually('a completed attempt in the trace of the message', async () => {
        const trace = await ask('GET', `/console/dev/traces/${published.body.id}`, asDeveloper());
        const attempts = (trace.body.spans as { name: string; attributes: Record<string, unknown> }[]).filter(
          ({ name }) => name === 'process points',
        );
        return attempts.some(({ attributes }) => attributes['surehop.outcome'] === 'completed') ? attempts : undefined;
      });
      expect(spans.map(({ attributes }) => attributes['surehop.outcome'])).toEqual(['retry', 'retry', 'completed']);
      const events = await ask('GET', '/console/dev/events', asDeveloper());
      expect(events.body.queues).toContainEqual({ name: 'points', failing: 0 });
    });

    test.each([
      ['publish', { type: 'order.unknown', body: {} }, 404],
      ['publish', { body: {} }, 400],
      ['poison', { queue: 'dead-letters' }, 404],
      ['fail-next', { queue: 'points', count: 1_001 }, 400],
      ['fail-next', { queue: '../points', count: 1 }, 404],
      ['unknown', {}, 404],
    ])('POST /console/dev/%s with the body %j is answered with a problem', async (action, body, status) => {
      expect(await post(action, body)).toMatchObject({
        status,
        headers: { 'content-type': 'application/problem+json' },
        body: { status, detail: expect.any(String) },
      });
    });

    test.each(['publish', 'poison', 'fail-next', 'kill-broker'])(
      'a request to POST /console/dev/%s is refused if a page of another site sends it, if it has no token, or if its content type is not JSON',
      async (action) => {
        const route = `/console/dev/${action}`;
        const foreign = { ...asDeveloper(), 'sec-fetch-site': 'cross-site' };
        const answers = await Promise.all([
          ask('POST', route, foreign, {}),
          ask('POST', route, own({ 'content-type': 'application/json' }), {}),
          ask('POST', route, { ...asDeveloper(), 'content-type': 'text/plain' }, {}),
        ]);
        expect(answers.map(({ status }) => status)).toEqual([403, 401, 415]);
      },
    );

    test('after a request has killed the broker, npm start restarts the broker, and an event can be published', async () => {
      const { pid } = environment.broker;
      expect(await post('kill-broker')).toMatchObject({ status: 200, body: { killed: true } });
      await eventually('another broker', () => environment.broker.pid !== pid);
      const id = randomUUID();
      await eventually('a published event', async () => {
        const { status } = await post('publish', { type: 'order.rejected', body: {}, id });
        return status === 200;
      });
      expect(await deadLetterOf(id)).toMatchObject({ queue: 'points' });
    }, 120_000);
  });
}
