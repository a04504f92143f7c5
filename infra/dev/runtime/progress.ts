import type { Say } from './command-line.ts';

const EVERY_MS = 8_000;

/** Waits for `task`, and prints a line every eight seconds until the task has ended. */
export async function withProgress<T>(what: string, task: Promise<T>, say: Say): Promise<T> {
  const startedAtMs = performance.now();
  const timer = setInterval(() => {
    say(`still waiting for ${what} (${Math.round((performance.now() - startedAtMs) / 1_000)} s)`);
  }, EVERY_MS);
  try {
    return await task;
  } finally {
    clearInterval(timer);
  }
}
