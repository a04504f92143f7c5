import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { ZodType } from 'zod';

import { config } from '../config.ts';
import { log } from '../log.ts';
import { count, duration } from '../metrics.ts';
import { traceIdOf } from '../trace.ts';
import { problemAnswer, toResult, type Answer } from './answer.ts';
import { readBytes, readJson } from './body.ts';
import { describeProblem, problemOf, type Problem } from './problem.ts';
import { factsOf, type Request, type RequestFacts } from './request.ts';
import { validateBody, validateParameters } from './validate.ts';

/** What a request must look like; a part without a schema is not read. A body that may be left out has a default. */
export interface Shape<Body, Path, Query> {
  readonly body?: ZodType<Body>;
  readonly path?: ZodType<Path>;
  readonly query?: ZodType<Query>;
}

export type HttpHandler = (
  event: APIGatewayProxyEventV2,
  context?: Partial<Context>,
) => Promise<APIGatewayProxyStructuredResultV2>;

/**
 * Makes a function of API Gateway's HTTP API out of `handle`: verifies the request, answers every error as problem+json,
 * logs and counts the request once. It never throws: what got out might be answered with 200.
 */
export function endpoint<Body = undefined, Path = undefined, Query = undefined>(
  shape: Shape<Body, Path, Query>,
  handle: (request: Request<Body, Path, Query>) => Promise<Answer> | Answer,
): HttpHandler {
  const { MAX_BODY_BYTES: maxBodyBytes } = config();
  return async (event, context) => {
    const startedAtMs = performance.now();
    const facts = factsOf(event, context);
    const noted: Record<string, unknown> = {};
    let answer: Answer;
    let problem: Problem | undefined;
    try {
      const request: Request<Body, Path, Query> = {
        ...facts,
        note: (ids) => void Object.assign(noted, ids),
        path: part(shape.path, (schema) => validateParameters(schema, event.pathParameters ?? {}, 'path')),
        query: part(shape.query, (schema) => validateParameters(schema, event.queryStringParameters ?? {}, 'query')),
        body: part(shape.body, (schema) => {
          const json = readJson(readBytes(event, maxBodyBytes), facts.headers['content-type']);
          return validateBody(schema, json);
        }),
      };
      answer = await handle(request);
    } catch (thrown) {
      problem = problemOf(thrown);
      answer = problemAnswer(problem, facts.id);
    }
    tell(facts, answer.status, performance.now() - startedAtMs, noted, problem);
    return toResult(answer, facts.id);
  };
}

const part = <T>(schema: ZodType<T> | undefined, read: (schema: ZodType<T>) => T): T =>
  schema ? read(schema) : (undefined as T);

/** One line a request, without a word of its body. */
function tell(
  { id, method, route, traceparent }: RequestFacts,
  status: number,
  tookMs: number,
  noted: Readonly<Record<string, unknown>>,
  problem?: Problem,
): void {
  const about = {
    requestId: id,
    method,
    route,
    status,
    durationMs: Math.round(tookMs),
    traceId: traceIdOf(traceparent),
    ...noted,
    ...(problem && describeProblem(problem)),
  };
  if (problem?.problem === 'internal-error') log().error('request failed', { ...about, error: problem.cause as Error });
  else if (status >= 500) log().warn('request answered', about);
  else log().info('request answered', about);
  count('Requests', 1, { route, status: String(status) });
  duration('RequestDuration', tookMs, { route });
}
