/**
 * Whether random and exhaustive tests run at full size, as `npm run test:thorough` runs them; the everyday suite takes a sample
 * of each.
 */
export const isThorough = process.env['THOROUGH'] === 'true';

/** How many random cases a property test tries. */
export const numRuns = (counts: { readonly everyday: number; readonly thorough: number }): number =>
  isThorough ? counts.thorough : counts.everyday;
