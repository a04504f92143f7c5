/** What a measuring process may ask its parent for. */
export interface Ask {
  readonly ask: 'store';
  readonly number: number;
}

/** A fresh, empty store with the tables of the service and one for Powertools. */
export interface StoreAnswer {
  readonly number: number;
  readonly endpoint: string;
}

/** What one round came to, by the keys of the section's figures; a text is printed as it is. */
export type Measured = Readonly<Record<string, number | string>>;

export type FromChild = Ask | { readonly round: number; readonly measured: Measured };

/** What a section works with. */
export interface Bench {
  /** 0 is the warm-up, whose figures are thrown away. */
  readonly round: number;
  /** A store of its own, gone after the round. Gives its endpoint. */
  freshStore(): Promise<string>;
}

export type Measure = (bench: Bench) => Promise<Measured>;

/** Before every table name. */
export const TABLE_PREFIX = 'bench-';
