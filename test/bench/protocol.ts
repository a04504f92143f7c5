/** The requests that a measuring process can send to its parent. */
export interface Ask {
  readonly ask: 'store';
  readonly number: number;
}

/** Requests an empty store with the service's tables and one for Powertools. */
export interface StoreAnswer {
  readonly number: number;
  readonly endpoint: string;
}

/** The results of one round by the keys of the section's figures; a text is printed unchanged. */
export type Measured = Readonly<Record<string, number | string>>;

export type FromChild = Ask | { readonly round: number; readonly measured: Measured };

/** The environment in which a section runs. */
export interface Bench {
  /** The number of the round; the figures of round 0, the warm-up, are discarded. */
  readonly round: number;
  /** Starts a store for this round only; resolves with its endpoint. */
  freshStore(): Promise<string>;
}

export type Measure = (bench: Bench) => Promise<Measured>;

/** Before every table name. */
export const TABLE_PREFIX = 'bench-';
