/** An error meant for the person at the keyboard: one line that says what happened and how to mend it. */
export class Problem extends Error {
  readonly exitCode: number;

  constructor(message: string, { exitCode = 1, cause }: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = 'Problem';
    this.exitCode = exitCode;
  }
}

/** The innermost useful message of anything thrown, on one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const own = error.message.replace(/\s+/g, ' ').trim() || error.name;
  return cause instanceof Error && error.message === 'fetch failed' ? reasonOf(cause) : own;
}
