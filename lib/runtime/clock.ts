/** A source of the current time. Tests replace it by a fake clock. */
export interface Clock {
  /** Returns the current time in milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
