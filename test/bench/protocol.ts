/** A message from the process of a benchmark section to its parent process. The message asks for an empty store. */
export interface Ask {
  readonly ask: 'store';
  readonly number: number;
}

/**
 * The answer of the parent process to a request for an empty store. The answer contains the endpoint of a store that
 * has the service's tables and a table for Powertools.
 */
export interface StoreAnswer {
  readonly number: number;
  readonly endpoint: string;
}

/** The results of one round, by the key of each figure. A result is a number, or a text that is printed unchanged. */
export type Measured = Readonly<Record<string, number | string>>;

export type FromChild = Ask | { readonly round: number; readonly measured: Measured };

/** The parameters with which a section of the benchmark runs one round. */
export interface Bench {
  /** The number of the round. Round 0 is the warm-up, whose figures are discarded. */
  readonly round: number;
  /** Starts an empty store for this round and returns its endpoint. */
  freshStore(): Promise<string>;
}

export type Measure = (bench: Bench) => Promise<Measured>;

/** The prefix of all table names. */
export const TABLE_PREFIX = 'bench-';
