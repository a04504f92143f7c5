import * as z from 'zod';

/** The environment variables, as in `process.env`. An empty value counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The description of a setting in documentation and error messages. */
export interface Explanation {
  readonly description: string;
  /** The valid values, as a text that follows "it must be" in error messages. */
  readonly must: string;
  readonly example: string;
}

/** A group of settings that one part of the toolkit uses and that are read and validated together. */
export interface Concern<T> {
  readonly shape: Readonly<Record<string, z.ZodType>>;
  /** Checks the constraints between several settings. Returns one sentence per violation. */
  readonly check: (environment: Environment) => string[];
  readonly type?: T;
}

export const defineSettings = <S extends Record<string, z.ZodType>>(
  shape: S,
  check: Concern<unknown>['check'] = () => [],
): Concern<Readonly<z.infer<z.ZodObject<S>>>> => ({ shape, check });

/** Defines a setting whose value is a whole number. */
export const wholeNumber = (description: string, fallback: number, minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum))
    .default(fallback)
    .meta({
      description,
      must: `a whole number from ${minimum} to ${maximum}`,
      example: String(fallback),
    } satisfies Explanation);

/** Defines a setting whose value is a URL with one of these protocols. */
export const url = (protocol: RegExp, explanation: Explanation) =>
  z
    .url({ protocol, hostname: /./ })
    .optional()
    .meta({ ...explanation });

/** Defines a setting whose value is an identifier or an ARN. */
export const word = (explanation: Omit<Explanation, 'must'>) =>
  z
    .string()
    .regex(/^[\x21-\x7e]{1,2048}$/)
    .optional()
    .meta({ ...explanation, must: 'text without spaces, at most 2,048 characters' });

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
  if (faults.length > 0) throw new SettingsError(`wrong setting: ${faults.join('; ')}`);
  return values;
}

/**
 * Returns one sentence per wrong setting. The sentence contains the name of the setting, what is wrong with its value,
 * and an example.
 */
export const settingFaults = (concern: Concern<unknown>, environment: Environment): string[] =>
  parse(concern, environment).faults;

function parse<T>(concern: Concern<T>, environment: Environment): { values: T; faults: string[] } {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  // Each setting is parsed by itself, because zod compiles an object schema when it is first used, which takes longer than
  // all settings together.
  for (const [name, setting] of Object.entries(concern.shape)) {
    const { success, data } = setting.safeParse(given[name]);
    if (success) values[name] = data;
    else {
      const { must, example } = explain(concern, name);
      faults.push(settingFault(name, `it must be ${must}`, example, given[name]));
    }
  }
  return { values: Object.freeze(values) as T, faults: [...faults, ...concern.check(given)] };
}

export const explain = ({ shape }: Concern<unknown>, name: string): Explanation =>
  shape[name]!.meta() as unknown as Explanation;

/** Returns the sentence that explains one wrong setting. */
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
