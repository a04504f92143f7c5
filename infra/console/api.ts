import type {
  editRoute,
  groupsRoute,
  getRoute,
  jobsRoute,
  listRoute,
  startJobRoute,
} from 'surehop/dead-letters/routes';
import type { alarmsRoute, statusRoute } from 'surehop/operations/routes';
import type * as z from 'zod';

import type { ApiRequest } from './curl.ts';
import { given, type Query } from './route.ts';

export type Status = z.output<(typeof statusRoute.answers)[200]>;
export type Alarms = z.output<(typeof alarmsRoute.answers)[200]>;
export type Alarm = Extract<Alarms, { available: true }>['alarms'][number];
export type DeadLetterList = z.output<(typeof listRoute.answers)[200]>;
export type DeadLetter = DeadLetterList['deadLetters'][number];
export type DeadLetterDetails = z.output<(typeof getRoute.answers)[200]>;
export type DeadLetterGroups = z.output<(typeof groupsRoute.answers)[200]>;
export type DeadLetterGroup = DeadLetterGroups['groups'][number];
type Edited = z.output<(typeof editRoute.answers)[200]>;
/** The response to a dry run, which checks an edited dead letter without publishing it. */
export type EditCheck = Extract<Edited, { dryRun: true }>;
export type EditAnswer = Exclude<Edited, { dryRun: true }>;
export type Job = z.output<(typeof jobsRoute.answers)[200]>['jobs'][number];
/** The response to a dry run of a job. */
export type JobDryRun = z.output<(typeof startJobRoute.answers)[200]>;
export type { Query };

/** Why a request failed. */
export type Failure =
  /** The request failed because the service did not answer. */
  | { readonly kind: 'lost' }
  /** The request failed because the operator's token is missing or has expired. */
  | { readonly kind: 'logged-out' }
  | { readonly kind: 'denied'; readonly scope: string | undefined }
  | {
      readonly kind: 'problem';
      readonly status: number;
      readonly problem: string;
      readonly title: string;
      readonly detail: string;
      readonly instance: string | undefined;
      readonly errors: readonly { readonly pointer?: string; readonly parameter?: string; readonly detail: string }[];
      /** The dependencies that are unavailable according to the response of `GET /readyz`. */
      readonly away: readonly string[];
    };

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.kind === 'problem' ? failure.title : failure.kind);
    this.failure = failure;
  }
}

/** How long the page waits for a response of the API, in ms. API Gateway responds within 30 seconds. */
const TIMEOUT_MS = 35_000;

/** Sends a request with the operator's token. Throws an `ApiError` if the request fails. */
export async function send<T>(token: string | undefined, { method, path, body }: ApiRequest): Promise<T> {
  const response = await fetch(path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    cache: 'no-store',
    credentials: 'omit',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => {
    throw new ApiError({ kind: 'lost' });
  });
  const text = await response.text().catch(() => '');
  const answer = parse(text);
  if (response.ok) return answer as T;
  throw new ApiError(failureOf(response, answer));
}

function failureOf({ status, headers }: Response, answer: unknown): Failure {
  if (status === 401) return { kind: 'logged-out' };
  const {
    type = '',
    title,
    detail,
    instance,
    errors,
    away,
    message,
  } = (answer ?? {}) as Record<string, string | undefined> & { errors?: []; away?: [] };
  if (status === 403)
    return { kind: 'denied', scope: /scope="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1] };
  return {
    kind: 'problem',
    status,
    problem: type.slice(type.lastIndexOf(':') + 1),
    title: title ?? message ?? String(status),
    detail: detail ?? '',
    instance: instance?.slice(instance.lastIndexOf(':') + 1),
    errors: Array.isArray(errors) ? errors : [],
    away: Array.isArray(away) ? away : [],
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Adds query parameters to a URL path. Leaves out parameters that are empty or undefined. */
export function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams(given(query)).toString();
  return search ? `${path}?${search}` : path;
}
