import { CodedError } from '../runtime/errors.ts';

/** Thrown when a business rule exceeds its time limit. */
export class TimeLimitError extends CodedError {
  readonly limitMs: number;

  constructor(limitMs: number) {
    super('TIME_LIMIT', `the rule did not finish within ${limitMs} ms`);
    this.limitMs = limitMs;
  }
}

export interface TimeLimit {
  readonly signal: AbortSignal;
}

/** Runs a task. Rejects with a `TimeLimitError` if the task takes longer than `limitMs`. */
export async function withTimeLimit<T extends object>(
  limitMs: number,
  task: (limit: TimeLimit) => Promise<T> | T,
): Promise<T> {
  let controller: AbortController | undefined;
  let exceeded: TimeLimitError | undefined;
  const running = task({
    get signal() {
      controller ??= new AbortController();
      if (exceeded) controller.abort(exceeded);
      return controller.signal;
    },
  });
  if (!('then' in running)) return running;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      exceeded = new TimeLimitError(limitMs);
      controller?.abort(exceeded);
      reject(exceeded);
    }, limitMs);
  });
  try {
    return await Promise.race([running, limit]);
  } finally {
    clearTimeout(timer);
  }
}
