import type * as z from 'zod';

import { withTimeout } from '../../runtime/timeout.ts';
import type { BrokerSettings } from '../settings.ts';
import { loginOf, virtualHostOf, type Login } from '../address.ts';
import { brokerUrl } from '../login.ts';

/**
 * Thrown when RabbitMQ's management API answers a request with an error or does not answer. `status` is undefined if
 * there was no answer.
 */
export class ManagementError extends Error {
  override readonly name = 'ManagementError';
  readonly status?: number;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

type Path = readonly string[];

/**
 * A client of RabbitMQ's HTTP API (https://www.rabbitmq.com/docs/http-api-reference). A path is a list of names, which
 * the client URL-encodes.
 */
export interface ManagementApi {
  readonly virtualHost: string;
  get<T>(path: Path, schema: z.ZodType<T>, query?: Readonly<Record<string, string>>): Promise<T>;
  /** Sends a GET request like `get`, but returns `undefined` if the status is 404. */
  find<T>(path: Path, schema: z.ZodType<T>): Promise<T | undefined>;
  put(path: Path, body: unknown): Promise<void>;
  remove(path: Path): Promise<void>;
}

export interface ManagementOptions {
  readonly url: string;
  /**
   * Returns the user name and password for the management API. If `refused` is true, the broker refused the last login,
   * and the login is read again.
   */
  readonly login: (refused: boolean) => Promise<Login>;
  readonly virtualHost: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Creates a client of RabbitMQ's management API for one virtual host. */
export function createManagementApi({ url, login, virtualHost, timeoutMs, signal }: ManagementOptions): ManagementApi {
  const { origin, pathname } = new URL(url);
  const base = `${origin}${pathname.replace(/\/$/, '')}/api`;

  async function request(method: string, path: Path, body?: unknown, query?: Readonly<Record<string, string>>) {
    const address = `${base}/${path.map(encodeURIComponent).join('/')}`;
    const attempt = async (refused: boolean) => {
      const { username, password } = await login(refused);
      return withTimeout(timeoutMs, signal, async (limited) => {
        const response = await fetch(query ? `${address}?${new URLSearchParams(query).toString()}` : address, {
          method,
          headers: {
            authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
            'content-type': 'application/json',
          },
          body: body === undefined ? undefined : JSON.stringify(body),
          signal: limited,
        });
        return { status: response.status, ok: response.ok, text: await response.text() };
      });
    };
    const route = `${method} ${address}`;
    try {
      let response = await attempt(false);
      if (response.status === 401) response = await attempt(true);
      return { route, ...response };
    } catch (cause) {
      const { message, cause: below } = cause as { message: string; cause?: { message?: string; code?: string } };
      const reason = below?.message || below?.code || message;
      throw new ManagementError(`the request ${route} failed: ${reason}`, undefined, { cause });
    }
  }

  type Answer = Awaited<ReturnType<typeof request>>;

  function succeeded(answer: Answer, path: Path): Answer {
    if (answer.ok) return answer;
    const reason = answer.status === 401 ? ': the user or the password is refused' : reasonOf(path, answer.text);
    throw new ManagementError(`${answer.route} answered ${answer.status}${reason}`, answer.status);
  }

  function read<T>(schema: z.ZodType<T>, { route, text, status }: Answer): T {
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new ManagementError(
        `the response to ${route} (status ${status}) is not the JSON document that the management API of RabbitMQ returns`,
        status,
        {
          cause,
        },
      );
    }
  }

  return {
    virtualHost,
    async get(path, schema, query) {
      return read(schema, succeeded(await request('GET', path, undefined, query), path));
    },
    async find(path, schema) {
      const answer = await request('GET', path);
      return answer.status === 404 ? undefined : read(schema, succeeded(answer, path));
    },
    async put(path, body) {
      succeeded(await request('PUT', path, body), path);
    },
    async remove(path) {
      const answer = await request('DELETE', path);
      if (answer.status !== 404) succeeded(answer, path);
    },
  };
}

/**
 * Creates a client for the management API at `MANAGEMENT_URL`. The client uses the login in `MANAGEMENT_URL` or, if the
 * URL has none, the login of the broker.
 */
export function managementApi(
  settings: BrokerSettings & { readonly MANAGEMENT_URL: string },
  { timeoutMs, signal }: Pick<ManagementOptions, 'timeoutMs' | 'signal'>,
): ManagementApi {
  const url = new URL(settings.MANAGEMENT_URL);
  const address = brokerUrl(settings);
  return createManagementApi({
    url: settings.MANAGEMENT_URL,
    login: async (refused) => loginOf(url.username ? url : new URL(await address(refused))),
    virtualHost: virtualHostOf(settings.AMQP_URL ?? settings.BROKER_ENDPOINT ?? ''),
    timeoutMs,
    signal,
  });
}

function reasonOf([kind]: Path, text: string): string {
  if (kind === 'users') return '';
  try {
    const { reason } = JSON.parse(text) as { reason?: unknown };
    return typeof reason === 'string' ? `: ${reason}` : '';
  } catch {
    return '';
  }
}

/** How to reach one virtual host of the broker: the AMQP URI, and a client of the management API. */
export interface BrokerAccess {
  readonly amqpUrl: string;
  readonly api: ManagementApi;
}

export async function brokerAccess(
  settings: BrokerSettings,
  limits: Pick<ManagementOptions, 'timeoutMs' | 'signal'>,
): Promise<BrokerAccess> {
  const { MANAGEMENT_URL } = settings;
  if (!MANAGEMENT_URL)
    throw new Error('missing setting: set MANAGEMENT_URL to the URL of the management API of RabbitMQ');
  return { amqpUrl: await brokerUrl(settings)(false), api: managementApi({ ...settings, MANAGEMENT_URL }, limits) };
}
