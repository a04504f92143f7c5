import type { Clock } from '../runtime/clock.ts';

/** As much as `perSecond` at once, filled again at that rate. */
export interface TokenBucket {
  readonly perSecond: number;
  /** Whether there was a token to take. */
  take(): boolean;
  left(): number;
}

export function tokenBucket(perSecond: number, clock: Clock): TokenBucket {
  let tokens = perSecond;
  let filledAtMs = clock.now();

  function fill(): void {
    const nowMs = clock.now();
    // A clock that was set back must not empty the bucket.
    tokens = Math.min(perSecond, tokens + (Math.max(nowMs - filledAtMs, 0) * perSecond) / 1_000);
    filledAtMs = nowMs;
  }

  return {
    perSecond,
    take() {
      fill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    left() {
      fill();
      return Math.floor(tokens);
    },
  };
}
