import type * as z from 'zod';

/** The environment variables, as in `process.env`. An empty value counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The description of a setting in documentation and error messages. */
export interface Explanation {
  readonly description: string;
  /** The valid values of a setting, phrased to follow "it must be" in an error message. */
  readonly must: string;
  readonly example: string;
  /** The smallest and the largest valid number of a setting whose value is a number. */
  readonly bounds?: readonly [minimum: number, maximum: number];
}

/**
 * A setting that is read from an environment variable. A zod schema whose metadata is an `Explanation` can also be used
 * as a setting.
 */
export interface Setting<T> {
  safeParse(text: string | undefined): { readonly success: true; readonly data: T } | { readonly success: false };
  meta(): object | undefined;
}

/**
 * Defines a setting without the library zod, which would make every cold start slower. `read` converts the text of the
 * environment variable, and `fallback` is the value if the variable is not set.
 */
export const setting = <T, const F>(
  read: (text: string) => T | undefined,
  fallback: F,
  explanation: Explanation,
): Setting<T | F> => ({
  safeParse: (text) => {
    const data = text === undefined ? fallback : read(text);
    return text !== undefined && data === undefined ? { success: false } : { success: true, data: data as T | F };
  },
  meta: () => explanation,
});

export const matching =
  (pattern: RegExp) =>
  (text: string): string | undefined =>
    pattern.test(text) ? text : undefined;

export const oneOf =
  <V extends string>(...values: readonly V[]) =>
  (text: string): V | undefined =>
    values.find((value) => value === text);

/** A group of settings that one part of the toolkit uses and that are read and validated together. */
export interface Concern<T> {
  readonly shape: Readonly<Record<string, Setting<unknown>>>;
  /** Checks the constraints between several settings, and returns one sentence per violation. */
  readonly check: (environment: Environment) => string[];
  readonly type?: T;
}

type ValueOf<S> = S extends z.ZodType ? z.output<S> : S extends Setting<infer T> ? T : never;
type Optional<S> = { [Name in keyof S]: undefined extends ValueOf<S[Name]> ? Name : never }[keyof S];
type ValuesOf<S> = { readonly [Name in Exclude<keyof S, Optional<S>>]: ValueOf<S[Name]> } & {
  readonly [Name in Optional<S>]?: ValueOf<S[Name]>;
};

/** Defines a group of settings. `check` returns one sentence for each violated constraint between the settings. */
export const defineSettings = <S extends Record<string, Setting<unknown>>>(
  shape: S,
  check: Concern<unknown>['check'] = () => [],
): Concern<ValuesOf<S>> => ({ shape, check });

/** Defines a setting whose value is a whole number. */
export const wholeNumber = (description: string, fallback: number, minimum: number, maximum: number): Setting<number> =>
  setting(
    (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      return value >= minimum && value <= maximum ? value : undefined;
    },
    fallback,
    {
      description,
      must: `a whole number from ${minimum} to ${maximum}`,
      example: String(fallback),
      bounds: [minimum, maximum],
    },
  );

/** Defines a setting whose value is a URL. `protocol` matches the allowed protocols. */
export const url = (protocol: RegExp, explanation: Explanation): Setting<string | undefined> =>
  setting(
    (text) => {
      const address = text.trim();
      if (!URL.canParse(address)) return undefined;
      const { protocol: given, hostname } = new URL(address);
      return protocol.test(given.slice(0, -1)) && hostname ? address : undefined;
    },
    undefined,
    explanation,
  );

/** Defines a setting whose value is an identifier or an ARN. */
export const word = (explanation: Omit<Explanation, 'must'>): Setting<string | undefined> =>
  setting(matching(/^[\x21-\x7e]{1,2048}$/), undefined, {
    ...explanation,
    must: 'text without spaces, at most 2,048 characters',
  });

/**
 * Thrown when settings are wrong or missing. The error has no stack trace, because a log should show only the sentence
 * that says what to set.
 */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  constructor(message: string) {
    super(message);
    this.stack = `${this.name}: ${message}`;
  }
}

/** Reads and validates settings from the environment. Throws a single error that names every wrong setting. */
export function readSettings<T>(concern: Concern<T>, environment: Environment): T {
  const { values, faults } = parse(concern, environment);
  const explanations = faults.join('; ');
  if (faults.length > 0) throw new SettingsError(`wrong setting: ${explanations}`);
  return values;
}

/** Returns one sentence per wrong setting, with the name of the setting, the reason and an example. */
export const settingFaults = (concern: Concern<unknown>, environment: Environment): string[] =>
  parse(concern, environment).faults;

function parse<T>(concern: Concern<T>, environment: Environment): { values: T; faults: string[] } {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const [name, definition] of Object.entries(concern.shape)) {
    const result = definition.safeParse(given[name]);
    if (result.success) values[name] = result.data;
    else {
      const { must, example } = explain(concern, name);
      faults.push(settingFault(name, `it must be ${must}`, example, given[name]));
    }
  }
  return { values: Object.freeze(values) as T, faults: [...faults, ...concern.check(given)] };
}

export const explain = ({ shape }: Concern<unknown>, name: string): Explanation =>
  shape[name]!.meta() as unknown as Explanation;

export const settingFault = (name: string, what: string, example: string, value?: string): string =>
  `${name}${value === undefined ? '' : ` is ${shownValue(name, value)}`}: ${what}, for example ${name}=${example}`;

const MAX_SHOWN = 100;

/** Formats a wrong value for an error message: on one line, shortened, and without passwords and keys. */
export function shownValue(name: string, value: string): string {
  if (/SECRETS$|PASSWORD|TOKEN/.test(name)) return 'wrong';
  const isLong = value.length > MAX_SHOWN;
  const safe = value
    .replace(/(\/\/[^/@:]*):.*@/s, '$1:***@')
    // Text after a colon that is not a port number may be a password in an address without a host.
    .replace(/(\/\/[^/@:]*):(?!\*\*\*@|\d{1,5}(?:[/?#]|$)).*/s, '$1:***')
    .slice(0, MAX_SHOWN);
  return `${JSON.stringify(safe)}${isLong ? '…' : ''}`;
}
