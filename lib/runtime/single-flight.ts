import type { Clock } from './clock.ts';
import { within } from './timeout.ts';

/**
 * Runs at most one attempt of an operation at a time. Callers that arrive during an attempt share the result of the
 * attempt.
 */
export interface SingleFlight<T> {
  /**
   * Joins the running attempt of the operation, or starts an attempt if none is running. After `limitMs` milliseconds,
   * an attempt no longer counts as running and nobody waits for it, but its work is not cancelled.
   */
  run(attempt: () => Promise<T>, limitMs: number): Promise<T>;
  isRunning(): boolean;
}

export function singleFlight<T>(clock: Clock): SingleFlight<T> {
  let flight: { readonly outcome: Promise<T>; readonly endsAtMs: number } | undefined;

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
        // The attempt may have failed only because Lambda froze the environment and its timers fired late. The callers
        // therefore try once more.
      }
      return runningFlight()?.outcome ?? begin(attempt, limitMs);
    },
    isRunning: () => runningFlight() !== undefined,
  };
}
