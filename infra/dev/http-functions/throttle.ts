/** API Gateway's throttling: a token bucket that holds `burst` requests and is refilled with `ratePerSecond`. */
export interface Throttle {
  readonly ratePerSecond: number;
  readonly burst: number;
}

/** Returns whether the next request is within the limit. */
export function createThrottle({ ratePerSecond, burst }: Throttle, now = () => performance.now()): () => boolean {
  let tokens = burst;
  let filledAtMs = now();
  return () => {
    const nowMs = now();
    tokens = Math.min(burst, tokens + ((nowMs - filledAtMs) * ratePerSecond) / 1_000);
    filledAtMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

/**
 * The limit that serverless.yml sets for API Gateway's stage, or HTTP_RATE_PER_SECOND for a load test. Without either, there is
 * no limit.
 */
export function throttleOf(custom: { readonly httpThrottle?: Throttle } | undefined): () => boolean {
  const forLoadTests = Number(process.env['HTTP_RATE_PER_SECOND']);
  if (forLoadTests > 0) return createThrottle({ ratePerSecond: forLoadTests, burst: forLoadTests });
  return custom?.httpThrottle ? createThrottle(custom.httpThrottle) : () => true;
}
