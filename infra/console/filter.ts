import type { DeadLetter } from './api.ts';
import { given } from './route.ts';

/** Selects dead letters, as the routes of the API do. */
export type Filter = Readonly<Partial<Record<(typeof FILTER_FIELDS)[number], string>>>;

export const FILTER_FIELDS = ['queue', 'code', 'type', 'group', 'client', 'text', 'from', 'to'] as const;

export const readFilter = (query: Readonly<Record<string, string>>): Filter =>
  given(Object.fromEntries(FILTER_FIELDS.map((name) => [name, query[name]])));

/** The dead letters that an action is for. */
export type Target =
  | { readonly kind: 'one'; readonly letter: Pick<DeadLetter, 'id' | 'messageId' | 'queue' | 'status'> }
  | { readonly kind: 'selection'; readonly letters: readonly DeadLetter[] }
  | { readonly kind: 'filter'; readonly filter: Filter };

/** Converts an ISO time to the value of an input for local times, and back. */
export function toLocalInput(iso: string | undefined): string {
  if (iso === undefined || Number.isNaN(Date.parse(iso))) return '';
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const fromLocalInput = (value: string): string | undefined =>
  value === '' ? undefined : new Date(value).toISOString();
