/**
 * Whether tests with many cases run all of their cases, as in `npm run test:thorough`. The command `npm test` runs only
 * a sample of the cases.
 */
export const isThorough = process.env['THOROUGH'] === 'true';

/** Returns the number of random cases that a property test tries. */
export const numRuns = (counts: { readonly everyday: number; readonly thorough: number }): number =>
  isThorough ? counts.thorough : counts.everyday;
