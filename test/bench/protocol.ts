interface StoreRequest {
  readonly request: 'store';
  readonly number: number;
}

/** The answer to a process that asks the benchmark for a DynamoDB emulator: the endpoint of an empty emulator. */
export interface StoreAnswer {
  readonly number: number;
  readonly endpoint: string;
}

/** The figures of one round of the benchmark, by name. A string is printed unchanged. */
export type Measured = Readonly<Record<string, number | string>>;

export type FromChild = StoreRequest | { readonly round: number; readonly measured: Measured };

export interface Bench {
  /** The number of the round. Round 0 is the warm-up, and the figures of round 0 are discarded. */
  readonly round: number;
  /** The number of rounds after the warm-up. */
  readonly rounds: number;
  freshStore(): Promise<string>;
}

export type Measure = (bench: Bench) => Promise<Measured>;

export const TABLE_PREFIX = 'bench-';
