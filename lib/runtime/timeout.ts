/** Thrown when an operation does not finish in time. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';

  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
  }
}

/**
 * Returns the result of the promise, or throws a `NoAnswerError` after `timeoutMs`. The operation behind the promise is not
 * cancelled.
 */
export async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswerError(timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns the `requestHandler` settings with which requests of an AWS client time out after `timeoutMs`. By default,
 * requests of the AWS SDK wait without a limit.
 */
export const requestLimits = (timeoutMs: number) =>
  ({
    connectionTimeout: Math.min(1_000, timeoutMs),
    requestTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    throwOnRequestTimeout: true,
  }) as const;
