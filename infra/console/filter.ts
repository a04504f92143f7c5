import type { DeadLetter, DeadLetterGroup } from './api.ts';
import { given } from './route.ts';

/** A filter for dead letters, with the same fields as the query parameters of the HTTP API. */
export type Filter = Readonly<Partial<Record<(typeof FILTER_FIELDS)[number], string>>>;

export const FILTER_FIELDS = ['queue', 'code', 'type', 'group', 'client', 'text', 'from', 'to'] as const;

export const STATUSES = ['open', 'redriven', 'discarded', 'superseded'] as const;

export const readFilter = (query: Readonly<Record<string, string>>): Filter =>
  given(Object.fromEntries(FILTER_FIELDS.map((name) => [name, query[name]])));

/** The dead letters that the operator redrives or discards. */
export type Target =
  | { readonly kind: 'one'; readonly deadLetter: Pick<DeadLetter, 'id' | 'messageId' | 'queue' | 'status'> }
  | { readonly kind: 'selection'; readonly deadLetters: readonly DeadLetter[] }
  | { readonly kind: 'filter'; readonly filter: Filter; readonly group?: DeadLetterGroup };
