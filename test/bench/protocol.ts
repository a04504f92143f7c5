interface Ask {
  readonly ask: 'store';
  readonly number: number;
}

/** The parent process's answer to a request for an empty DynamoDB emulator. */
export interface StoreAnswer {
  readonly number: number;
  readonly endpoint: string;
}

/** The figures of one round by name. A figure that is a text is printed unchanged. */
export type Measured = Readonly<Record<string, number | string>>;

export type FromChild = Ask | { readonly round: number; readonly measured: Measured };

/** The parameters with which a section of the benchmark runs one round. */
export interface Bench {
  /** The number of the round. Round 0 is the warm-up, and the figures of round 0 are discarded. */
  readonly round: number;
  /** Starts an empty DynamoDB emulator and returns the endpoint of the emulator. */
  freshStore(): Promise<string>;
}

export type Measure = (bench: Bench) => Promise<Measured>;

/** The prefix of the names of the benchmark's DynamoDB tables. */
export const TABLE_PREFIX = 'bench-';
