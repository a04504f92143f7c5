import { UsageError } from '../commands/command.ts';
import type { Changes } from './changes.ts';
import { addFunction, functionsOf, hasFunction, routesIn } from './edit-yaml.ts';
import { defineEvent, type DefinedEvent } from './event.ts';
import { objectLiteral } from './example.ts';
import { folderOf } from './names.ts';
import { requireServerlessYml, type Service } from './service.ts';

interface RouteOptions {
  readonly event: string;
  readonly exchange?: string;
}

/** Adds an HTTP route that publishes an event: a module, a test, and a function in serverless.yml. */
export async function addRoute(
  changes: Changes,
  service: Service,
  route: string,
  { event: type, exchange }: RouteOptions,
): Promise<void> {
  const [, method = '', path = ''] = /^(POST|PUT) (\/[a-z0-9/-]*[a-z0-9])$/.exec(route) ?? [];
  if (path === '')
    throw new UsageError(
      `"${route}" is not a route: use POST or PUT and a path without parameters, such as "POST /payments"`,
    );
  const event = await defineEvent(changes, service, type, { exchange });
  const name = `${method.toLowerCase()}${path.replaceAll('/', '-')}`;
  const handler = `functions/${folderOf(type)}/${name}.handler`;
  const yaml = requireServerlessYml(changes);
  const taken = Object.entries(functionsOf(yaml)).find(
    ([other, definition]) => other !== name && routesIn(definition?.events).some((one) => overlaps(one, route)),
  );
  if (taken)
    throw new UsageError(
      `the function ${taken[0]} in serverless.yml already has the route ${route}: choose another route`,
    );
  const isKnown = hasFunction(yaml, name, { handler, source: (events) => routesIn(events).includes(route) });
  changes.createUnless(isKnown, `functions/${folderOf(type)}/${name}.ts`, functionOf(route, type, event));
  changes.createUnless(isKnown, `test/${name}.test.ts`, testOf({ route, type, name }, event));
  changes.edit('serverless.yml', (text) =>
    addFunction(text, name, [
      `handler: ${handler}`,
      'access: { login: publisher, connections: rest, signingKeys: true }',
      `events: [{ httpApi: ${route} }]`,
    ]),
  );
}

/**
 * Returns whether an existing route also matches the requests of a new route: both have the same path, and the existing
 * route has the same HTTP method or accepts every method.
 */
function overlaps(existing: string, route: string): boolean {
  const [method = '', path = ''] = existing.split(' ');
  const [wanted, wantedPath] = route.split(' ');
  return path.replace(/\/$/, '') === wantedPath && [wanted, '*', 'ANY'].includes(method.toUpperCase());
}

const functionOf = (
  route: string,
  type: string,
  { constant, example }: DefinedEvent,
): string => `import { deriveId } from 'surehop/events';
import { endpoint, idempotencyKeyProblems, publishProblems, signature, type Route } from 'surehop/http';
import { idempotencyKey } from 'surehop/idempotency';
import { eventPublisher } from 'surehop/rabbitmq';
import * as z from 'zod';

import { surehop } from '../surehop.ts';
import { ${constant} } from './events.ts';

export const route = {
  route: '${route}',
  summary: 'Answers as soon as the broker has confirmed the event ${type}.',
  access: signature,
  body: ${constant}.schema,
  answers: { 202: z.strictObject({ id: z.uuid() }) },
  problems: [...idempotencyKeyProblems, ...publishProblems],
  example: {
    ${objectLiteral('body: ', example ?? {}, 4)},
    answer: { id: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10' },
  },
} satisfies Route;

const publishEvent = eventPublisher(surehop);

/** ${route} */
export const handler = endpoint(surehop, route, async (request) => {
  // The id follows from the client and its key. A repeated request therefore has no second effect.
  const id = deriveId('${type}', request.client, idempotencyKey(request));
  await publishEvent(${constant}, request.body, { id, trace: request });
  return { status: 202, body: { id } };
});
`;

const testOf = (
  { route, type, name }: { route: string; type: string; name: string },
  { constant }: DefinedEvent,
): string => `import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { workQueue } from 'surehop/topology';
import { workshop, type Workshop } from 'surehop-dev';

import { ${constant} } from '../functions/${folderOf(type)}/events.ts';

// This test uses a real RabbitMQ, with a queue of its own that receives the event.
const queues = { events: workQueue('events', { bindings: { [${constant}.exchange]: [${constant}.type] } }) };
let bench: Workshop;
before(async () => {
  bench = await workshop({ queues });
  // functions/surehop.ts reads its settings when the test imports the function.
  Object.assign(process.env, bench.environment);
});
after(() => bench.close());

test('${route} publishes the event ${type}', async () => {
  const { handler, route } = await import('../functions/${folderOf(type)}/${name}.ts');
  const response = await bench.request(handler, { route: route.route, body: route.example.body });
  assert.equal(response.status, 202);
  assert.equal(await bench.waiting('events'), 1);
});
`;
