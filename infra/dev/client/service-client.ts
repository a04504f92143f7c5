import { setTimeout as sleep } from 'node:timers/promises';

import { Problem, reasonOf } from '../runtime/command-line.ts';
import { localDirectory } from '../runtime/directories.ts';
import { runningIfAny } from '../runtime/running.ts';

const REQUEST_TIMEOUT_MS = 40_000;

/** The maximum number of times that a request is sent again because the service answered 429 (too many requests). */
const MAX_REPEATS = 30;

/**
 * The pause, in ms, before a request is sent again after the status 429. The pause is fixed, because API Gateway sends
 * no `Retry-After` header.
 */
const REPEAT_AFTER_MS = 1_000;

export interface ServiceRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ServiceResponse {
  readonly status: number;
  readonly statusText: string;
  readonly text: string;
}

/** Returns the base URL of the service: the given URL, or the URL of the service that `npm start` runs. */
export function serviceUrl(given: string | undefined): string {
  const url = given ?? runningIfAny()?.url;
  if (url === undefined)
    throw new Problem(
      'npm start is not running in this project: run npm start in another terminal, or pass --url with the address of a service',
    );
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new Problem(`--url is "${url}": it must be an address like https://api.example.com`, { exitCode: 2 });
  return url;
}

/** Returns the URL for a path of the service. Keeps the path of the base URL, such as `/v1`. */
export function addressOf(base: string, path: string): string {
  const { origin, pathname } = new URL(base);
  return origin + pathname.replace(/\/+$/, '') + path;
}

/** Sends a request to the service at `url`. If the service answers 429, waits and sends the request again. */
export async function sendRequest(url: string, request: ServiceRequest): Promise<ServiceResponse> {
  for (let repeats = 0; ; repeats += 1) {
    const response = await fetch(addressOf(url, request.path), {
      method: request.method,
      headers: request.headers,
      body: request.body,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    }).catch((error: unknown) => {
      throw new Problem(
        `the service at ${url} does not answer (${reasonOf(error)}): start it, or pass another address with --url`,
      );
    });
    const { status, statusText } = response;
    const text = await response.text();
    if (status !== 429 || repeats === MAX_REPEATS) return { status, statusText, text };
    await sleep(REPEAT_AFTER_MS);
  }
}

/**
 * Returns the header with an operator's token. For a deployed service, the token comes from the environment variable
 * SUREHOP_TOKEN.
 */
export async function authorization(scopes: readonly string[]): Promise<Record<string, string>> {
  const token = process.env['SUREHOP_TOKEN'] || (await localToken(scopes));
  return { authorization: `Bearer ${token}` };
}

async function localToken(scopes: readonly string[]): Promise<string> {
  // Most of the time of a short command is the import of its libraries, and only this function needs the library for tokens.
  const { issueToken } = await import('../runtime/issuer.ts');
  return issueToken(localDirectory, scopes);
}

/** Returns, in one line, why the service refused a request. */
export function refusalOf({ status, statusText, text }: ServiceResponse): string {
  try {
    const { title, detail, errors } = JSON.parse(text) as {
      title?: string;
      detail?: string;
      errors?: readonly { detail: string }[];
    };
    const details = errors?.map((one) => one.detail).join('; ') || detail;
    return [status, title ?? statusText, details && `(${details})`].filter(Boolean).join(' ');
  } catch {
    return `${status} ${statusText}`;
  }
}
