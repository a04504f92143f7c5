/** Prints one line for the person at the terminal. */
export type Say = (line: string) => void;

/** Prints a line of progress to standard output; the arrow distinguishes progress from the log of the functions. */
export const say: Say = (line) => {
  process.stdout.write(`› ${line}\n`);
};

/** Prints one line to standard error. */
const complain: Say = (line) => {
  process.stderr.write(`surehop: ${line}\n`);
};

/** An error for the person at the terminal: its message says what happened and how to fix it, and is printed without a stack trace. */
export class Problem extends Error {
  readonly exitCode: number;

  constructor(message: string, { exitCode = 1, cause }: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = 'Problem';
    this.exitCode = exitCode;
  }
}

/** The most specific message of any thrown value, on one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const own = error.message.replace(/\s+/g, ' ').trim() || error.name;
  return cause instanceof Error && error.message === 'fetch failed' ? reasonOf(cause) : own;
}

/** Runs a command and exits with its code; a thrown error is printed as one line. */
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
 * Calls `begin` at the first request to stop (a signal, or the end of the parent process) and `force` at the second. The
 * terminal and npm each deliver the same Ctrl-C, so a request within 300 ms counts as the first one.
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
  // If the reader of the output ends (`npm start | head`), stop; it is not a crash.
  process.stdout.on('error', request);
  process.stderr.on('error', request);
}
