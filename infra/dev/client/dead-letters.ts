import { Problem } from '../runtime/command-line.ts';
import { authorization, refusalOf, sendRequest } from './service-client.ts';

/** A dead letter as the route GET /dead-letters returns it. */
export interface DeadLetter {
  readonly id: string;
  readonly messageId?: string;
  readonly type?: string;
  readonly queue?: string;
  readonly code: string;
  readonly reason: string;
  readonly attempt: number;
  readonly deadLetteredAt: string;
  readonly status: string;
}

/**
 * Selects the dead letters of a command. The service filters by queue, code and status; this process filters by type,
 * reason and time.
 */
export interface Filter {
  readonly queue?: string;
  readonly code?: string;
  readonly status?: string;
  readonly type?: string;
  /** A text that the reason contains. */
  readonly reason?: string;
  /** The earliest time of dead-lettering, in ms since the epoch. */
  readonly sinceMs?: number;
  /** The latest time of dead-lettering, in ms since the epoch. */
  readonly untilMs?: number;
}

const PAGE = 100;

/** The routes of the service for dead letters. */
export interface DeadLetterClient {
  /** Returns the matching dead letters of all pages, newest first. */
  list(filter: Filter): AsyncGenerator<DeadLetter>;
  show(id: string): Promise<unknown>;
  /** Redrives a dead letter. If the service refuses, returns the reason, and otherwise undefined. */
  redrive(id: string, options: { force: boolean; reason?: string }): Promise<string | undefined>;
  /** Discards a dead letter. If the service refuses, returns the reason, and otherwise undefined. */
  discard(id: string, reason: string): Promise<string | undefined>;
}

export async function createDeadLetterClient(url: string): Promise<DeadLetterClient> {
  const headers = {
    'content-type': 'application/json',
    ...(await authorization(['dead-letters:read', 'dead-letters:redrive'])),
  };
  const send = (method: string, path: string, body?: object) =>
    sendRequest(url, { method, path, headers, body: body && JSON.stringify(body) });

  async function read<T>(path: string): Promise<T> {
    const response = await send('GET', path);
    if (response.status === 404 && !path.startsWith('/dead-letters/'))
      throw new Problem(
        `${url} has no route GET /dead-letters: add the functions for dead letters to serverless.yml (docs/guides/make-it-yours.md)`,
      );
    if (response.status !== 200) throw new Problem(`GET ${path} was answered with ${refusalOf(response)}`);
    return JSON.parse(response.text) as T;
  }

  async function change(method: string, path: string, body: object): Promise<string | undefined> {
    const response = await send(method, path, body);
    return response.status === 200 ? undefined : refusalOf(response);
  }

  return {
    async *list({ queue, code, status, ...rest }) {
      let cursor: string | undefined;
      do {
        const query = new URLSearchParams({ limit: String(PAGE) });
        for (const [name, value] of Object.entries({ queue, code, status, cursor }))
          if (value !== undefined) query.set(name, value);
        const page = await read<{ deadLetters: DeadLetter[]; cursor?: string }>(`/dead-letters?${query.toString()}`);
        for (const deadLetter of page.deadLetters) {
          if (rest.sinceMs !== undefined && Date.parse(deadLetter.deadLetteredAt) < rest.sinceMs) return;
          if (matches(deadLetter, rest)) yield deadLetter;
        }
        cursor = page.cursor;
      } while (cursor !== undefined);
    },
    show: (id) => read(`/dead-letters/${encodeURIComponent(id)}`),
    redrive: (id, options) => change('POST', `/dead-letters/${encodeURIComponent(id)}/redrive`, options),
    discard: (id, reason) => change('DELETE', `/dead-letters/${encodeURIComponent(id)}`, { reason }),
  };
}

const matches = (deadLetter: DeadLetter, { type, reason, untilMs }: Filter): boolean =>
  (type === undefined || deadLetter.type === type) &&
  (reason === undefined || deadLetter.reason.includes(reason)) &&
  (untilMs === undefined || Date.parse(deadLetter.deadLetteredAt) <= untilMs);
