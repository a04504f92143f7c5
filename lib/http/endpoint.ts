import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import * as z from 'zod';
import type { ZodType } from 'zod';

import type { Surehop } from '../runtime/surehop.ts';
import type { Access } from './auth/access.ts';
import { problemAnswer, toResult, type Answer } from './answer.ts';
import { readBytes, readJson } from './body.ts';
import { guarded, type Part } from './breaker.ts';
import { checkHeaders } from './check-headers.ts';
import { corsHeaders } from './cors.ts';
import { inFlight } from './in-flight.ts';
import { inTime } from './in-time.ts';
import { problemOf, type Problem } from './problem.ts';
import { createRateLimit } from './rate-limit.ts';
import { factsOf, type Request } from './request.ts';
import { httpSettings } from './settings.ts';
import { tell } from './telemetry.ts';
import { validateBody, validateParameters } from './validate.ts';

/** What a request must look like; a part without a schema is not read. A body that may be left out has a default. */
export interface Shape<Body, Path, Query> {
  readonly access: Access;
  readonly body?: ZodType<Body>;
  readonly path?: ZodType<Path>;
  readonly query?: ZodType<Query>;
  /** Parts without which nothing can be done; while one is away the request is refused at once. */
  readonly needs?: readonly Part[];
}

export type HttpHandler = (
  event: APIGatewayProxyEventV2,
  context?: Partial<Context>,
) => Promise<APIGatewayProxyStructuredResultV2>;

/**
 * Makes a function of API Gateway's HTTP API out of `handle`: verifies who is asking and what, bounds what it may cost,
 * answers every error as problem+json, logs and counts the request once. It never throws: what got out might be answered
 * with 200.
 */
export function endpoint<Body = undefined, Path = undefined, Query = undefined>(
  surehop: Surehop,
  { access, needs = [], ...shape }: Shape<Body, Path, Query>,
  handle: (request: Request<Body, Path, Query>) => Promise<Answer> | Answer,
): HttpHandler {
  const settings = surehop.settings(httpSettings);
  const verify = access.verifier(surehop);
  const limit = createRateLimit(
    { perSecond: settings.RATE_LIMIT_PER_SECOND, clientPerSecond: settings.CLIENT_RATE_LIMIT_PER_SECOND },
    surehop.clock,
  );
  // What an operator asks for and nobody reads would be taken for granted.
  const query = shape.query ?? (access.scheme === 'operator' ? noQuery : undefined);
  const besideOthers = inFlight(settings.MAX_IN_FLIGHT);

  return async (event, context) => {
    const startedAtMs = performance.now();
    const facts = factsOf(event, context, settings.REQUEST_DEADLINE_MS);
    const noted: Record<string, unknown> = {};
    let client: string | undefined;
    let answer: Answer;
    let problem: Problem | undefined;

    async function answerIt(signal: AbortSignal): Promise<Answer> {
      limit.admit();
      checkHeaders(facts.headers);
      const bytes = readBytes(event, settings.MAX_BODY_BYTES);
      const caller = await verify(facts, bytes);
      if (access.scheme !== 'public') {
        limit.admitClient(caller.client);
        client = caller.client;
      }
      const request: Request<Body, Path, Query> = {
        ...facts,
        ...caller,
        surehop,
        signal,
        note: (ids) => void Object.assign(noted, ids),
        path: part(shape.path, (schema) => validateParameters(schema, event.pathParameters ?? {}, 'path')),
        query: part(query as ZodType<Query> | undefined, (schema) =>
          validateParameters(schema, event.queryStringParameters ?? {}, 'query'),
        ),
        body: part(shape.body, (schema) => validateBody(schema, readJson(bytes, facts.headers))),
      };
      return guardedBy(surehop, needs, async () => handle(request));
    }

    try {
      answer = await besideOthers(() => inTime(facts.remainingMs(), answerIt));
    } catch (thrown) {
      problem = problemOf(thrown);
      answer = problemAnswer(problem, facts.id);
    }
    tell(facts, { status: answer.status, tookMs: performance.now() - startedAtMs, client, noted, problem });
    return toResult(answer, facts.id, { ...limit.headers(client), ...corsHeaders(settings, facts.headers.origin) });
  };
}

const noQuery = z.strictObject({});

const part = <T>(schema: ZodType<T> | undefined, read: (schema: ZodType<T>) => T): T =>
  schema ? read(schema) : (undefined as T);

const guardedBy = (surehop: Surehop, parts: readonly Part[], work: () => Promise<Answer>): Promise<Answer> =>
  parts.reduce((inner, one) => () => guarded(surehop, one, inner), work)();
