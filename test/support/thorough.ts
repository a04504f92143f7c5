/**
 * Whether property tests run all of their cases, as in `npm run test:thorough`. Under `npm test`, they run only a
 * sample.
 */
export const isThorough = process.env['THOROUGH'] === 'true';

export const numRuns = (counts: { readonly everyday: number; readonly thorough: number }): number =>
  isThorough ? counts.thorough : counts.everyday;
