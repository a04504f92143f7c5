/** Thrown when a message or an item is not as a test expects. The text lists every difference and every step so far. */
export class ExpectationError extends Error {
  override readonly name = 'ExpectationError';

  /**
   * Creates the error. `thrower` is the function that the test called, such as `expectItem`. The stack trace omits this
   * function, so that it begins with the line of the test.
   */
  constructor(
    headline: string,
    differences: readonly string[],
    history: readonly string[],
    thrower: (...args: never[]) => unknown,
  ) {
    super(
      [`${headline}:`, ...differences.map((difference) => `  - ${difference}`), '', 'What happened:', ...history].join(
        '\n',
      ),
    );
    Error.captureStackTrace(this, thrower);
  }
}
