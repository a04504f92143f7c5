import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import * as z from 'zod';
import type { ZodType } from 'zod';

import { storeSettings } from '../dynamodb/settings.ts';
import { brokerSettings, requireBroker } from '../rabbitmq/settings.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { within } from '../runtime/timeout.ts';
import { runIn } from '../runtime/tracing.ts';
import { problemAnswer, toResult, type Answer } from './answer.ts';
import type { Access } from './auth/access.ts';
import { readBytes, readJson } from './body.ts';
import { guarded, type Dependency } from './breaker.ts';
import { Problem, problemOf } from './problem.ts';
import type { ProblemName } from './problems.ts';
import { checkHeaders, factsOf, type Request } from './request.ts';
import { httpSettings } from './settings.ts';
import { recordTelemetry } from './telemetry.ts';
import { validateBody, validateParameters } from './validate.ts';

/**
 * How the requests of a route are authenticated and validated. If a part of the request (body, path or query) has no
 * schema, this part is ignored. To make the body optional, give its schema a default value.
 */
export interface Shape<Body, Path, Query> {
  readonly access: Access;
  readonly body?: ZodType<Body>;
  readonly path?: ZodType<Path>;
  readonly query?: ZodType<Query>;
  /**
   * Present if the request body contains a complete message that must be kept unchanged. The strings in such a body are
   * not normalized and have no length limit. The body may have up to `maxBytes` bytes.
   */
  readonly verbatim?: { readonly maxBytes: number };
  /**
   * The dependencies of the route. While the circuit breaker of one of them is open, every request to the route fails
   * immediately.
   */
  readonly needs?: readonly Dependency[];
}

/**
 * The description of a route, from which `endpoint` creates the route's handler and `openApi` generates the OpenAPI
 * document.
 */
export interface Route extends Shape<unknown, unknown, unknown> {
  /** The HTTP method and the path template, such as `GET /invoices/{id}`. */
  readonly route: string;
  readonly summary: string;
  /** The schemas of the successful responses, by status code. */
  readonly answers: Readonly<Record<number, ZodType>>;
  /** The media type of the successful responses; by default `application/json`. */
  readonly mediaType?: string;
  /**
   * The problems that are specific to this route. The OpenAPI document adds the problems that follow from the route's
   * access, schemas and dependencies.
   */
  readonly problems?: readonly ProblemName[];
  readonly example: { readonly body?: unknown; readonly answer: unknown };
}

export type HttpHandler = (
  event: APIGatewayProxyEventV2,
  context?: Partial<Context>,
) => Promise<APIGatewayProxyStructuredResultV2>;

/**
 * Creates the Lambda handler of a route from the function `handle`. The handler authenticates, validates, limits, logs
 * and counts each request, and converts every error to a problem response (RFC 9457).
 */
export function endpoint<Body = undefined, Path = undefined, Query = undefined>(
  surehop: Surehop,
  { access, needs = [], ...shape }: Shape<Body, Path, Query>,
  handle: (request: Request<Body, Path, Query>) => Promise<Answer> | Answer,
): HttpHandler {
  const settings = surehop.settings(httpSettings);
  // A wrong setting must stop the function at its start and not fail its first request.
  if (needs.includes('store')) surehop.settings(storeSettings);
  if (needs.includes('broker')) requireBroker(surehop.settings(brokerSettings));
  const verify = access.verifier(surehop);
  // If an operator misspells a query parameter, the request must fail instead of ignoring the parameter.
  const query = shape.query ?? (access.scheme === 'operator' ? z.strictObject({}) : undefined);

  return async (event, context) => {
    const startedAtMs = performance.now();
    const { facts, span } = factsOf(event, context, settings.REQUEST_DEADLINE_MS, surehop.tracing);
    const noted: Record<string, unknown> = {};
    let client: string | undefined;
    let answer: Answer;
    let problem: Problem | undefined;

    async function process(signal: AbortSignal): Promise<Answer> {
      checkHeaders(facts.headers);
      const bytes = readBytes(event, shape.verbatim?.maxBytes ?? settings.MAX_BODY_BYTES);
      const caller = await verify(facts, bytes);
      if (access.scheme !== 'public') ({ client } = caller);
      const request: Request<Body, Path, Query> = {
        ...facts,
        ...caller,
        surehop,
        signal,
        note: (fields) => void Object.assign(noted, fields),
        path: parsePart(shape.path, (schema) => validateParameters(schema, event.pathParameters ?? {}, 'path')),
        query: parsePart(query as ZodType<Query> | undefined, (schema) =>
          validateParameters(schema, event.queryStringParameters ?? {}, 'query'),
        ),
        body: parsePart(shape.body, (schema) =>
          validateBody(schema, readJson(bytes, facts.headers, shape.verbatim !== undefined)),
        ),
      };
      return needs.reduce(
        (inner, dependency) => () => guarded(surehop, dependency, inner),
        async () => handle(request),
      )();
    }

    try {
      answer = await runIn(span, () => withDeadline(facts.remainingMs(), process));
    } catch (thrown) {
      problem = problemOf(thrown);
      answer = problemAnswer(problem, { requestId: facts.id, urnNamespace: settings.URN_NAMESPACE });
    }
    recordTelemetry(facts, { status: answer.status, tookMs: performance.now() - startedAtMs, client, noted, problem });
    if (span) {
      span.set({ 'http.response.status_code': answer.status });
      if (answer.status >= 500) span.fail(problem?.problem ?? String(answer.status), problem?.message);
      span.end();
      await surehop.tracing?.flush();
    }
    return toResult(answer, facts, settings);
  };
}

const parsePart = <T>(schema: ZodType<T> | undefined, parse: (schema: ZodType<T>) => T): T =>
  schema ? parse(schema) : (undefined as T);

/**
 * Runs `work` with a time limit. After `ms` milliseconds, aborts the signal that `work` has received, and throws the
 * problem `deadline-exceeded`.
 */
async function withDeadline<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const settled = work(controller.signal).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const outcome = await within(Math.max(ms, 1), settled).catch(() => {
    controller.abort();
    throw new Problem(
      'deadline-exceeded',
      'The request may have been processed. Send it again, with the same Idempotency-Key if it had one.',
      { members: { indeterminate: true } },
    );
  });
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
