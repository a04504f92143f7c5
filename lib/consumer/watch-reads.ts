import type { ReadItem } from '../dynamodb/read-item.ts';
import { isOutsideMessage, StoreUnavailableError } from '../runtime/errors.ts';
import { within } from '../runtime/timeout.ts';

interface Reads {
  readonly read: ReadItem;
  /**
   * Waits, for at most `leftMs`, for the reads that DynamoDB has not answered yet. If a read fails because DynamoDB is
   * unavailable, returns the error of this read.
   */
  outage(leftMs: number): Promise<Error | undefined>;
}

/** Returns the function `read` for one call of a business rule, and keeps track of the reads without an answer. */
export function watchReads(read: ReadItem): Reads {
  const unanswered = new Set<Promise<unknown>>();
  return {
    read: (table, key) => {
      const reading = read(table, key);
      const end = () => void unanswered.delete(reading);
      unanswered.add(reading);
      reading.then(end, end);
      return reading;
    },
    async outage(leftMs) {
      if (unanswered.size === 0) return undefined;
      try {
        const ended = await within(Math.max(leftMs, 1), Promise.allSettled(unanswered));
        return ended.map((one) => one.status === 'rejected' && one.reason).find(isOutsideMessage);
      } catch (cause) {
        return new StoreUnavailableError({ cause });
      }
    },
  };
}
