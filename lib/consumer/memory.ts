import type { Sequences } from '../ordering/sequences.ts';
import type { MessageId } from '../events/message-id.ts';

/** What a consumer remembers from one batch to the next, as long as its process lives: nothing that doing a message once needs. */
export interface Memory {
  /** How often each message of the batch before came back although the process survived it. */
  survived: Map<MessageId, number>;
  /** Suspects that this process survived, of which the store could not be told. */
  readonly unended: Set<MessageId>;
  /** What was completed or rejected, by id: the hash of its payload. A batch that comes back finds it here without a request. */
  readonly done: Map<MessageId, string>;
  /** Follow-up events that the broker has confirmed. */
  readonly confirmed: Set<MessageId>;
  /** The order of batches that the store could not be told of. */
  unrecorded: Sequences;
  /** When progress was noted last, by the broker's queue, in ms since the epoch. */
  readonly progressRecordedAtMs: Map<string, number>;
}

export const newMemory = (): Memory => ({
  survived: new Map(),
  unended: new Set(),
  done: new Map(),
  confirmed: new Set(),
  unrecorded: [],
  progressRecordedAtMs: new Map(),
});

/** Kept of one kind at most: a batch that keeps coming back, for a neighbour's sake, fits many times. */
const REMEMBERED = 10_000;

/** Forgets the oldest beyond what is kept: a set and a map know the order of their making. */
export function forgetOldest(kept: Set<unknown> | Map<unknown, unknown>): void {
  for (const key of kept.keys()) {
    if (kept.size <= REMEMBERED) break;
    kept.delete(key);
  }
}
