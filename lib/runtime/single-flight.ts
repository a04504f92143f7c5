import type { Clock } from './clock.ts';
import { within } from './timeout.ts';

/** Runs one attempt at a time; callers that come during an attempt share its result. */
export interface SingleFlight<T> {
  /**
   * Joins the running attempt, or starts one that times out after `limitMs`. After a timeout all its callers get an error, and
   * the next caller starts a new attempt. The timed-out attempt is not cancelled, so `attempt` itself must close whatever it
   * opens too late.
   */
  run(attempt: () => Promise<T>, limitMs: number): Promise<T>;
  isRunning(): boolean;
}

export function singleFlight<T>(clock: Clock): SingleFlight<T> {
  let flight: { readonly outcome: Promise<T>; readonly endsAtMs: number } | undefined;

  /** Checks the clock as well, because after Lambda froze the environment the timers are late. */
  const runningFlight = () => (flight && clock.now() < flight.endsAtMs ? flight : undefined);

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
        const joined = runningFlight();
        if (joined) return await joined.outcome;
      } catch {
        // An attempt that started before a freeze may fail only because its timers fired late, so its callers try once more.
      }
      return runningFlight()?.outcome ?? begin(attempt, limitMs);
    },
    isRunning: () => runningFlight() !== undefined,
  };
}
