import type { Filter } from '../client/dead-letters.ts';
import { UsageError } from './command.ts';

export const STATUSES = ['open', 'redriven', 'discarded', 'superseded', 'all'];

/** The options of `surehop dead-letters` that select dead letters. */
export interface FilterOptions extends Filter {
  readonly status?: string;
}

export const filterOf = ({ queue, code, type, group, client, text, from, to }: FilterOptions): Filter => ({
  queue,
  code,
  type,
  group,
  client,
  text,
  from: timeOf('--from', from),
  to: timeOf('--to', to),
});

/** Returns the status of the dead letters to list. Returns `undefined` if dead letters of every status are listed. */
export function statusOf({ status = 'open' }: FilterOptions): string | undefined {
  const statuses = STATUSES.join(', ');
  if (!STATUSES.includes(status)) throw new UsageError(`--status is "${status}": use one of ${statuses}`);
  return status === 'all' ? undefined : status;
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Returns a time in ISO 8601. A time such as `2h` means two hours ago. */
function timeOf(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time = unit === undefined ? Date.parse(text) : Date.now() - Number(count) * UNITS_MS[unit]!;
  if (Number.isNaN(time))
    throw new UsageError(
      `${option} is "${text}": use a duration such as 30m, 2h or 7d, or a time such as 2026-11-22T12:00:00Z`,
    );
  return new Date(time).toISOString();
}
