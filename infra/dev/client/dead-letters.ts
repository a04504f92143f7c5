import { Problem } from '../runtime/command-line.ts';
import { authorization, refusalOf, sendRequest } from './service-client.ts';

/** A dead letter as the route GET /dead-letters returns it. */
export interface DeadLetter {
  readonly id: string;
  readonly type?: string;
  readonly queue?: string;
  readonly code: string;
  readonly reason: string;
  readonly attempt: number;
  readonly deadLetteredAt: string;
  readonly status: string;
}

/** A group of dead letters as the route GET /dead-letters/groups returns it. */
interface DeadLetterGroup {
  readonly group: string;
  readonly queue?: string;
  readonly code: string;
  readonly cause: string;
  readonly count: number;
  readonly redrivenBefore: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

/** A filter that selects the dead letters which match all of its fields. The service applies the filter. */
export interface Filter {
  readonly queue?: string;
  readonly code?: string;
  readonly type?: string;
  readonly group?: string;
  readonly client?: string;
  readonly text?: string;
  /** Only messages that were dead-lettered at or after this time (ISO 8601) match the filter. */
  readonly from?: string;
  /** Only messages that were dead-lettered before this time (ISO 8601) match the filter. */
  readonly to?: string;
}

export type Action = 'redrive' | 'discard';

/** What a job redrives or discards: the dead letters that match the filter, or the dead letters with the given ids. */
export interface Selection {
  readonly action: Action;
  readonly filter?: Filter;
  readonly ids?: readonly string[];
  readonly force?: boolean;
}

interface JobOrder extends Selection {
  readonly ratePerSecond?: number;
  readonly reason: string;
}

export interface Job {
  readonly id: string;
  readonly order: JobOrder;
  readonly createdAt: string;
  readonly status: 'running' | 'done' | 'cancelled';
  readonly progress: {
    readonly done: number;
    readonly failed: number;
    /** The number of dead letters that were neither redriven nor discarded, by reason. */
    readonly skipped: Readonly<Record<string, number>>;
    readonly error?: string;
  };
}

/**
 * The result of one request of a job's dry run: how many of the examined dead letters the job would change, and which
 * dead letters it would skip.
 */
interface DryRun {
  readonly count: number;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  readonly cursor?: string;
}

/** Thrown when the service refuses a request. */
export class RefusedError extends Problem {}

/** The number of dead letters on a page. */
const PAGE = 100;

const ROUTES = /^\/dead-letters(\/groups|\/jobs)?(\?|$)/;

/** A client of the HTTP routes with which operators manage dead letters. */
export interface DeadLetterClient {
  /** Returns all dead letters that match the filter, newest first. Requests one page after another. */
  list(filter: Filter & { readonly status?: string }): AsyncGenerator<DeadLetter>;
  groups(
    filter: Filter & { readonly status?: string },
  ): Promise<{ readonly groups: readonly DeadLetterGroup[]; readonly isIncomplete: boolean }>;
  show(id: string): Promise<unknown>;
  /** Redrives or discards one dead letter. */
  change(action: Action, id: string, options: { readonly force?: boolean; readonly reason: string }): Promise<void>;
  /** Asks the service, in one request or several, what a job would redrive or discard. Yields one result per request. */
  dryRun(selection: Selection): AsyncGenerator<DryRun>;
  startJob(order: JobOrder): Promise<Job>;
  /**
   * Returns the most recent redrive and discard jobs, newest first. A job that was started moments ago may be missing.
   */
  jobs(): Promise<readonly Job[]>;
  /**
   * Makes the service continue a redrive or discard job. The service responds when the job has ended, or earlier if the
   * job takes longer than one HTTP request may take.
   */
  continueJob(id: string): Promise<Job>;
  cancelJob(id: string): Promise<Job>;
}

export async function createDeadLetterClient(url: string): Promise<DeadLetterClient> {
  const headers = {
    'content-type': 'application/json',
    ...(await authorization(['dead-letters:read', 'dead-letters:redrive'])),
  };

  async function send<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await sendRequest(url, { method, path, headers, body: body && JSON.stringify(body) });
    if (response.status < 300) return JSON.parse(response.text) as T;
    const [route] = path.split('?');
    if (response.status === 404 && ROUTES.test(path))
      throw new Problem(
        `the service at ${url} has no route ${method} ${route}: add the functions for dead letters to serverless.yml (docs/guides/make-it-yours.md)`,
      );
    throw new RefusedError(`${method} ${path} was answered with ${refusalOf(response)}`);
  }

  const one = (id: string) => `/dead-letters/${encodeURIComponent(id)}`;
  const changeJob = (id: string, action: 'continue' | 'cancel') =>
    send<Job>('POST', `/dead-letters/jobs/${encodeURIComponent(id)}`, { action });

  return {
    async *list(filter) {
      let cursor: string | undefined;
      do {
        const path = `/dead-letters?${queryOf({ ...filter, limit: String(PAGE), cursor })}`;
        const page = await send<{ deadLetters: DeadLetter[]; cursor?: string }>('GET', path);
        yield* page.deadLetters;
        cursor = page.cursor;
      } while (cursor !== undefined);
    },
    groups: (filter) => send('GET', `/dead-letters/groups?${queryOf({ ...filter })}`),
    show: (id) => send('GET', one(id)),
    async change(action, id, { force, reason }) {
      if (action === 'redrive') await send('POST', `${one(id)}/redrive`, { force, reason });
      else await send('DELETE', one(id), { reason });
    },
    async *dryRun(selection) {
      let cursor: string | undefined;
      do {
        const result: DryRun = await send('POST', '/dead-letters/jobs', { ...selection, dryRun: true, cursor });
        yield result;
        cursor = result.cursor;
      } while (cursor !== undefined);
    },
    startJob: (order) => send('POST', '/dead-letters/jobs', order),
    jobs: async () => (await send<{ jobs: Job[] }>('GET', '/dead-letters/jobs')).jobs,
    continueJob: (id) => changeJob(id, 'continue'),
    cancelJob: (id) => changeJob(id, 'cancel'),
  };
}

const queryOf = (values: Readonly<Record<string, string | undefined>>): string =>
  new URLSearchParams(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString();
