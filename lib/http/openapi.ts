import * as z from 'zod';

import type { Surehop } from '../runtime/surehop.ts';
import type { Route } from './endpoint.ts';
import { problems, publishProblems, type ProblemName } from './problems.ts';
import { httpSettings } from './settings.ts';

export interface About {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

/**
 * Generates the OpenAPI 3.1 document of the routes from the schemas that validate their requests
 * (https://spec.openapis.org/oas/v3.1.1.html). If a function publishes events, define its route in a separate file and
 * import it from there. The function's own module calls `eventPublisher`, which needs the settings of the broker.
 */
export function openApi({ settings }: Surehop, about: About, routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const [method = '', path = ''] = route.route.split(' ');
    (paths[path] ??= {})[method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.1',
    info: about,
    paths,
    components: {
      schemas: { Problem: jsonSchema(problemSchema(settings(httpSettings).URN_NAMESPACE)) },
      securitySchemes,
    },
  };
}

const problemSchema = (urnNamespace: string) =>
  z.looseObject({
    type: z.enum(Object.keys(problems).map((name) => `urn:${urnNamespace}:problem:${name}`)),
    status: z.int(),
    title: z.string(),
    detail: z.string(),
    instance: z.string(),
  });

const securitySchemes = {
  operator: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token (JWT) with the required scope.',
  },
  signature: {
    type: 'apiKey',
    in: 'header',
    name: 'webhook-signature',
    description:
      'Standard Webhooks: "v1,<base64>" of the HMAC-SHA256 of "<webhook-id>.<webhook-timestamp>.<body>" with the client\'s key; several signatures are separated by spaces.',
  },
};

const signedHeaders = [
  ['webhook-id', true, 'The idempotency key: unique per request, and the same when a request is repeated.'],
  ['webhook-timestamp', true, 'Unix time in seconds, within five minutes of the current time.'],
  ['idempotency-key', false, 'Optional; must equal webhook-id.'],
].map(([name, required, description]) => ({ name, in: 'header', required, description, schema: { type: 'string' } }));

function operation(route: Route): object {
  const { summary, access, body, path, query, answers, mediaType = 'application/json', example } = route;
  return {
    summary,
    security: access.scheme === 'public' ? [] : [{ [access.scheme]: access.scopes ?? [] }],
    parameters: [
      ...parameters('path', path),
      ...parameters('query', query),
      ...(access.scheme === 'signature' ? signedHeaders : []),
    ],
    ...(body && {
      requestBody: {
        required: !z.safeParse(body, undefined).success,
        content: { 'application/json': { schema: jsonSchema(body), example: example.body } },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, schema]) => [
          status,
          {
            description: summary,
            content: {
              [mediaType]: {
                schema: jsonSchema(schema, 'output'),
                // If a route has several kinds of answers, the example is one of them.
                ...(schema.safeParse(example.answer).success && { example: example.answer }),
              },
            },
          },
        ]),
      ),
      ...problemResponses(route),
    },
  };
}

/** The error responses that API Gateway itself sends on AWS, by status. They are not problem documents. */
const fromGateway: Readonly<Record<number, string>> = {
  429: 'API Gateway answers {"message":"Too Many Requests"} if the clients exceed the rate or burst limit of the API.',
  503: 'API Gateway answers {"message":"Service Unavailable"} if no Lambda environment is free or the function does not answer.',
};

const gatewayMessage = { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] };

/**
 * Returns the error responses of a route: those that every route has, those that the route declares, and those that its
 * access rule, its schemas and its dependencies imply.
 */
function problemResponses({ access, body, path, query, needs, problems: own = [] }: Route): object {
  const names: ProblemName[] = ['headers-too-large', 'overloaded', 'deadline-exceeded', 'internal-error', ...own];
  if (path || query || access.scheme === 'operator') names.push('invalid-parameters');
  if (body)
    names.push('malformed-json', 'json-too-complex', 'invalid-body', 'body-too-large', 'unsupported-media-type');
  if (access.scheme === 'signature')
    names.push('unsigned', 'malformed-signature', 'signature-expired', 'wrong-signature');
  if (access.scheme === 'operator')
    names.push('no-token', 'invalid-token', 'token-expired', 'insufficient-scope', 'identity-unavailable');
  if (needs?.includes('store')) names.push('store-unavailable', 'misconfigured');
  if (needs?.includes('broker')) names.push(...publishProblems);
  const statuses = new Set([...names.map((name) => problems[name].status), ...Object.keys(fromGateway).map(Number)]);
  return Object.fromEntries(
    [...statuses].map((status) => {
      const sent = [...new Set(names)].filter((name) => problems[name].status === status);
      return [
        status,
        {
          description: sent
            .map((name) => `${name}: ${problems[name].title}.`)
            .concat(fromGateway[status] ?? [])
            .join(' '),
          content: {
            ...(sent.length > 0 && {
              'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
            }),
            ...(fromGateway[status] && { 'application/json': { schema: gatewayMessage } }),
          },
        },
      ];
    }),
  );
}

function parameters(where: 'path' | 'query', schema: z.ZodType | undefined): object[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema) as {
    properties?: Record<string, object>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: where,
    required: required.includes(name),
    schema: one,
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
