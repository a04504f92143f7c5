export interface Format {
  number(value: number): string;
  percent(share: number): string;
  /** A date and time with seconds, in the operator's time zone. */
  time(iso: string): string;
  /** The hours and minutes of a time, in the operator's time zone. */
  clock(ms: number): string;
  /** How long ago a time is, for example "3 min. ago". */
  ago(iso: string, nowMs: number): string;
  duration(ms: number): string;
  bytes(count: number): string;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

export function createFormat(locale: string): Format {
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, { style: 'percent' });
  const time = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  const relative = new Intl.RelativeTimeFormat(locale, { style: 'narrow', numeric: 'always' });
  const unit = (value: number, name: string, digits = 0, unitDisplay: 'short' | 'narrow' = 'short') =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit: name,
      unitDisplay,
      maximumFractionDigits: digits,
    }).format(value);

  return {
    number: (value) => number.format(value),
    percent: (share) => percent.format(share),
    time: (iso) => time.format(new Date(iso)),
    clock: (ms) => clock.format(new Date(ms)),
    ago(iso, nowMs) {
      const ms = Math.max(nowMs - Date.parse(iso), 0);
      const [name, size] = UNITS.find(([, size]) => ms >= size) ?? ['second', 1_000];
      return relative.format(-Math.floor(ms / size), name);
    },
    duration(ms) {
      if (ms < 1_000) return unit(ms, 'millisecond', ms < 10 ? 1 : 0);
      if (ms < 10_000) return unit(ms / 1_000, 'second', 1);
      const index = UNITS.findIndex(([, size]) => ms >= size);
      const [name, size] = UNITS[index]!;
      const whole = Math.floor(ms / size);
      const next = UNITS[index + 1];
      const rest = next ? Math.floor((ms - whole * size) / next[1]) : 0;
      return next && rest > 0 ? `${unit(whole, name)} ${unit(rest, next[0])}` : unit(whole, name);
    },
    bytes(count) {
      if (count < 1_000) return unit(count, 'byte', 0, 'narrow');
      return count < 1_000_000 ? unit(count / 1_000, 'kilobyte', 1) : unit(count / 1_000_000, 'megabyte', 1);
    },
  };
}

/** Converts a time in ISO 8601 to the value of an HTML input of the type `datetime-local`. */
export function toLocalInput(iso: string | undefined): string {
  if (iso === undefined || Number.isNaN(Date.parse(iso))) return '';
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const fromLocalInput = (value: string): string | undefined =>
  value === '' ? undefined : new Date(value).toISOString();
