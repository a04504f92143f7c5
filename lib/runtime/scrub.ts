/** The patterns of secrets that this toolkit handles, each with the text that replaces a match. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/whsec_[A-Za-z0-9+/=]+/g, 'whsec_***'],
  [/\bv1a?,[A-Za-z0-9+/]{20,}={0,2}/g, 'v1,***'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)?/g, 'eyJ***'],
  [/\b(Bearer|Basic) [A-Za-z0-9+/._~=-]+/gi, '$1 ***'],
  [/(\/\/)[^/\s]*@/g, '$1***@'],
];

/**
 * Masks every secret in a text. Masking is only a second line of defence, because no code should log a secret in the
 * first place.
 */
export const scrub = (text: string): string =>
  SECRETS.reduce((scrubbed, [secret, instead]) => scrubbed.replace(secret, instead), text);

const ANY_SECRET = new RegExp(SECRETS.map(([{ source }]) => `(?:${source})`).join('|'), 'i');

export const mayContainSecret = (json: string): boolean => json.includes('\\') || ANY_SECRET.test(json);

/**
 * Removes the login (`user:password@`) from each URL in a text. A password may contain `@`, so the login extends to the
 * last `@` before the next `/`.
 */
export const withoutLogins = (text: string): string => text.replaceAll(/\/\/[^/\s]*@/g, '//');
