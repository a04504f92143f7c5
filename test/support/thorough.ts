/**
 * Whether random and exhaustive tests run at full size, as in `npm run test:thorough`. `npm test` runs a sample of each.
 */
export const isThorough = process.env['THOROUGH'] === 'true';

/** How many random cases a property test tries. */
export const numRuns = (counts: { readonly everyday: number; readonly thorough: number }): number =>
  isThorough ? counts.thorough : counts.everyday;
