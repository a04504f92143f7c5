/** What secrets of this service look like, in whatever text they turn up. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/whsec_[A-Za-z0-9+/=]+/g, 'whsec_***'],
  [/\bv1a?,[A-Za-z0-9+/]{20,}={0,2}/g, 'v1,***'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)?/g, 'eyJ***'],
  [/\b(Bearer|Basic) [A-Za-z0-9+/._~=-]+/gi, '$1 ***'],
  [/\/\/[^/\s]*@/g, '//***@'],
];

/** The text without secrets; the second line behind never writing them. */
export const scrub = (text: string): string =>
  SECRETS.reduce((scrubbed, [secret, instead]) => scrubbed.replace(secret, instead), text);

/** The text without the logins in its addresses; a password may have an `@` of its own. */
export const withoutLogins = (text: string): string => text.replaceAll(/\/\/[^/\s]*@/g, '//');
