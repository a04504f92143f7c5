/**
 * The limits of one request to AWS, as `requestHandler` of a client: the SDK itself waits for ever. The time to connect is
 * part of `timeoutMs`; a response that stops in the middle is given up after the same time without a byte.
 */
export const requestLimits = (timeoutMs: number) =>
  ({
    connectionTimeout: Math.min(1_000, timeoutMs),
    requestTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    throwOnRequestTimeout: true,
  }) as const;
