/**
 * The maximum size of a consumer's minified bundle, in bytes, including the files that the consumer imports only when
 * needed.
 */
export const CONSUMER_BUNDLE_BUDGET = 620_000;

/** The maximum size of the minified bundle of every other function, in bytes. */
export const BUNDLE_BUDGET = 610_000;
