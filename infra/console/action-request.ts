import { withQuery, type DeadLetter, type DeadLetterList } from './api.ts';
import type { ApiRequest } from './curl.ts';
import type { Filter, Target } from './filter.ts';

export type Action = 'redrive' | 'discard';

export const JOBS = '/dead-letters/jobs';

export type Send = <T>(request: ApiRequest) => Promise<T>;

interface Order {
  readonly reason: string;
  readonly ratePerSecond: number;
  readonly force: boolean;
}

/** Returns the request that redrives or discards dead letters: at once, or as a job if there can be several. */
export function requestFor(action: Action, target: Target, { reason, ratePerSecond, force }: Order): ApiRequest {
  if (target.kind === 'one') {
    const path = `/dead-letters/${encodeURIComponent(target.letter.id)}`;
    return action === 'redrive'
      ? { method: 'POST', path: `${path}/redrive`, body: { reason, ...(force && { force }) } }
      : { method: 'DELETE', path, body: { reason } };
  }
  return {
    method: 'POST',
    path: JOBS,
    body: { action, ...selectionOf(target), ratePerSecond, ...(force && { force }), reason },
  };
}

export function selectionOf(target: Target): object {
  if (target.kind === 'filter') return { filter: target.filter };
  return { ids: (target.kind === 'one' ? [target.letter] : target.letters).map(({ id }) => id) };
}

/** Returns a dead letter that the redrive would not skip. The operator tries the redrive with this dead letter. */
export async function firstOf(
  send: Send,
  target: Target,
  skippedIds: ReadonlySet<string> | undefined,
): Promise<DeadLetter | undefined> {
  if (target.kind === 'one') return undefined;
  const letters = target.kind === 'selection' ? target.letters : await newest(send, target.filter);
  return letters.find(({ id }) => !skippedIds?.has(id)) ?? letters[0];
}

async function newest(send: Send, filter: Filter): Promise<readonly DeadLetter[]> {
  const path = withQuery('/dead-letters', { ...filter, status: 'open', limit: 20 });
  return (await send<DeadLetterList>({ method: 'GET', path })).deadLetters;
}
