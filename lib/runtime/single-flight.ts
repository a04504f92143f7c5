import type { Clock } from './clock.ts';
import { within } from './within.ts';

/** One attempt at a time, shared by all callers who come while it is under way. */
export interface SingleFlight<T> {
  /**
   * Joins the attempt under way, or begins one that is given up after `limitMs`: its callers get an error, and the next
   * caller begins a new attempt. `attempt` itself runs on, and must not leave anything open that comes too late.
   */
  run(attempt: () => Promise<T>, limitMs: number): Promise<T>;
  isUnderWay(): boolean;
}

export function singleFlight<T>(clock: Clock): SingleFlight<T> {
  let flight: { readonly outcome: Promise<T>; readonly endsAtMs: number } | undefined;

  /** After a freeze of the environment, the clock knows that the time is up before the timers do. */
  const underWay = () => (flight && clock.now() < flight.endsAtMs ? flight : undefined);

  function begin(attempt: () => Promise<T>, limitMs: number): Promise<T> {
    const running = (async () => attempt())();
    const outcome = within(limitMs, running).finally(() => {
      if (flight === begun) flight = undefined;
    });
    const begun = { outcome, endsAtMs: clock.now() + limitMs };
    flight = begun;
    return outcome;
  }

  return {
    async run(attempt, limitMs) {
      try {
        const joined = underWay();
        if (joined) return await joined.outcome;
      } catch {
        // An attempt that began before a freeze may fail by its timers alone, so whoever joined it tries once more.
      }
      return underWay()?.outcome ?? begin(attempt, limitMs);
    },
    isUnderWay: () => underWay() !== undefined,
  };
}
