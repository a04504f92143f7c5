import { CodedError } from '../runtime/errors.ts';

/** What is left to one message. */
export interface TimeLimit {
  /** Aborted when its time is up; made when somebody asks for it, which few rules do. */
  readonly signal: AbortSignal;
  isOver(): boolean;
}

export class TimeLimitError extends CodedError {
  constructor(limitMs: number) {
    super('TIME_LIMIT', `the rule did not finish within ${limitMs} ms`);
  }
}

/** Runs `task` and waits for it no longer than `limitMs`. */
export async function within(limitMs: number, task: (limit: TimeLimit) => Promise<void> | void): Promise<void> {
  let abort: AbortController | undefined;
  let over: TimeLimitError | undefined;
  const running = task({
    get signal() {
      abort ??= new AbortController();
      if (over) abort.abort(over);
      return abort.signal;
    },
    isOver: () => over !== undefined,
  });
  if (!running) return;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      over = new TimeLimitError(limitMs);
      abort?.abort(over);
      reject(over);
    }, limitMs);
  });
  try {
    await Promise.race([running, limit]);
  } finally {
    clearTimeout(timer);
  }
}
