export type Say = (line: string) => void;

/**
 * Prints a line of progress to standard output. The line begins with an arrow, which distinguishes it from the log
 * lines of the functions.
 */
export const say: Say = (line) => {
  process.stdout.write(`› ${line}\n`);
};

/** Prints a line of progress to standard error. */
export const sayAside: Say = (line) => {
  process.stderr.write(`› ${line}\n`);
};

const complain: Say = (line) => {
  process.stderr.write(`surehop: ${line}\n`);
};

/**
 * An error whose message is printed at the terminal without a stack trace. The message says what happened and how to
 * fix it.
 */
export class Problem extends Error {
  readonly exitCode: number;

  constructor(message: string, { exitCode = 1, cause }: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = 'Problem';
    this.exitCode = exitCode;
  }
}

/**
 * Returns the message of a thrown value on one line. For an `AggregateError` or a failed `fetch`, returns the message
 * of the underlying error.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const own = error.message.replace(/\s+/g, ' ').trim() || error.name;
  return cause instanceof Error && error.message === 'fetch failed' ? reasonOf(cause) : own;
}

/**
 * Runs a command and ends this process with the exit code that the command returns. If the command throws an error,
 * prints the error in one line.
 */
export async function entry(command: () => Promise<number>): Promise<never> {
  const fail = (error: unknown): never => {
    complain(error instanceof Problem ? error.message : reasonOf(error));
    if (process.env['SUREHOP_DEBUG'] !== undefined) console.error(error);
    process.exit(error instanceof Problem ? error.exitCode : 1);
  };
  process.on('uncaughtException', fail);
  try {
    process.exit(await command());
  } catch (error) {
    return fail(error);
  }
}

const SAME_SIGNAL_MS = 300;

/**
 * Calls `begin` at the first stop request, and `force` at the second. A stop request is SIGINT, SIGTERM or SIGHUP, the
 * end of the parent process, or the end of the program that reads the output.
 */
export function onShutdown({ begin, force }: { begin: () => void; force: () => void }): void {
  let firstAt: number | undefined;
  const request = () => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      begin();
    } else if (now - firstAt > SAME_SIGNAL_MS) {
      force();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request);
  if (process.connected) process.once('disconnect', request);
  // If the program that reads the output ends (`npm start | head`), this process stops; that is not a crash.
  process.stdout.on('error', request);
  process.stderr.on('error', request);
}
