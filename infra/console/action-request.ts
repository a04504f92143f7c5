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

export function requestFor(action: Action, target: Target, { reason, ratePerSecond, force }: Order): ApiRequest {
  if (target.kind === 'one') {
    const path = `/dead-letters/${encodeURIComponent(target.deadLetter.id)}`;
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
  return { ids: (target.kind === 'one' ? [target.deadLetter] : target.deadLetters).map(({ id }) => id) };
}

export interface Sample {
  /** The dead letter that the operator redrives first, as a trial. */
  readonly deadLetter: DeadLetter;
  /**
   * The selected dead letters except `deadLetter`. The console offers to redrive them after it has redriven
   * `deadLetter` as a trial.
   */
  readonly rest: Target;
}

export async function sampleOf(
  send: Send,
  target: Target,
  skippedIds: ReadonlySet<string> | undefined,
): Promise<Sample | undefined> {
  if (target.kind === 'one') return undefined;
  const deadLetters = target.kind === 'selection' ? target.deadLetters : await newest(send, target.filter);
  const accepted = deadLetters.filter(({ id }) => !skippedIds?.has(id));
  const deadLetter =
    accepted.find(({ redrives, timesRedriven }) => redrives + timesRedriven === 0) ?? accepted[0] ?? deadLetters[0];
  if (!deadLetter) return undefined;
  if (target.kind === 'selection')
    return { deadLetter, rest: { ...target, deadLetters: deadLetters.filter(({ id }) => id !== deadLetter.id) } };
  // If the message of the trial fails again, `to` excludes its new dead letter from the rest.
  const to = new Date(Date.parse(deadLetters[0]!.deadLetteredAt) + 1).toISOString();
  return { deadLetter, rest: { ...target, filter: { ...target.filter, to } } };
}

async function newest(send: Send, filter: Filter): Promise<readonly DeadLetter[]> {
  const path = withQuery('/dead-letters', { ...filter, status: 'open', limit: 100 });
  return (await send<DeadLetterList>({ method: 'GET', path })).deadLetters;
}
