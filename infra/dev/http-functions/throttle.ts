/**
 * The limits of the token bucket that API Gateway uses to throttle requests. The bucket holds `burst` tokens and gets
 * `ratePerSecond` new tokens per second.
 */
export interface Throttle {
  readonly ratePerSecond: number;
  readonly burst: number;
}

/**
 * Creates a function that takes one token from the bucket per call. The function returns false if the bucket is empty.
 */
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
 * Creates the rate limit for HTTP requests: the limit that serverless.yml sets for API Gateway or, during a load test,
 * HTTP_RATE_PER_SECOND. If neither is set, requests are not limited.
 */
export function throttleOf(custom: { readonly httpThrottle?: Throttle } | undefined): () => boolean {
  const forLoadTests = Number(process.env['HTTP_RATE_PER_SECOND']);
  if (forLoadTests > 0) return createThrottle({ ratePerSecond: forLoadTests, burst: forLoadTests });
  return custom?.httpThrottle ? createThrottle(custom.httpThrottle) : () => true;
}
