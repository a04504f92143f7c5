import { formatDuration, parseDuration } from '../../runtime/duration.ts';
import type { DelayQueue } from './topology.ts';

const MAX_DELAY_MS = 24 * 3_600_000;

/**
 * Parses the retry delays of a work queue, such as `['10s', '1m']`. Throws an error that names the queue and the invalid
 * value.
 */
export function parseDelays(queue: string, delays: readonly string[]): DelayQueue[] {
  const refuse = (reason: string) => new Error(`wrong delays for work queue "${queue}": ${reason}`);
  if (delays.length === 0) throw refuse('delays is empty: name at least one delay, such as ["1s", "2s", "4s"]');
  const parsed = delays.map((delay) => {
    const delayMs = parseDuration(delay);
    if (delayMs === undefined)
      throw refuse(`delay "${delay}" is not a whole number followed by ms, s, m or h, such as "500ms" or "10s"`);
    if (delayMs > MAX_DELAY_MS) throw refuse(`delay "${delay}" is longer than 24h`);
    return { name: `retry.${formatDuration(delayMs)}`, delayMs };
  });
  const shorter = parsed.findIndex(({ delayMs }, index) => delayMs < (parsed[index - 1]?.delayMs ?? 0));
  if (shorter > 0)
    throw refuse(
      `delay "${delays[shorter]}" is shorter than "${delays[shorter - 1]}" before it: delays must not decrease`,
    );
  return parsed;
}

export const DELAY_QUEUE_NAMES = String.raw`retry\.[0-9]+(ms|s|m|h)`;

/**
 * Returns the delay queue with the shortest delay that is at least `delayMs`, or else the delay queue with the longest
 * delay.
 */
export const delayQueueFor = (delays: readonly DelayQueue[], delayMs: number): DelayQueue =>
  delays.find((queue) => queue.delayMs >= delayMs) ?? delays.at(-1)!;
