/**
 * The maximum size of the minified bundle of a function, in bytes, including the files that the function imports only
 * when needed.
 */
export const BUNDLE_BUDGET = 615_000;
