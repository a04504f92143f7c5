import type { MessageId } from '../events/message-id.ts';
import type { Sequences } from '../ordering/sequences.ts';

/** What a consumer keeps in its process from one batch to the next; losing it costs requests, never correctness. */
export interface Memory {
  /** How often each unfinished message of the previous batch came back although the process survived. */
  survived: Map<MessageId, number>;
  /** Crash suspects that this process survived, whose records in the attempt log could not be deleted yet. */
  readonly unended: Set<MessageId>;
  /** The payload hash of each completed or rejected message, so that a redelivered batch finds it without a request. */
  readonly done: Map<MessageId, string>;
  /** Follow-up events that the broker has confirmed. */
  readonly confirmed: Set<MessageId>;
  /** The sequences of batches whose open-batch record could not be written. */
  unrecorded: Sequences;
  /** When the progress of each shard was last recorded, in ms since the epoch. */
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

/** The largest number of entries in one map or set: enough for many batches that keep coming back because of one message. */
const MAX_ENTRIES = 10_000;

/** Evicts the oldest entries beyond the limit; sets and maps iterate in insertion order. */
export function forgetOldest(entries: Set<unknown> | Map<unknown, unknown>): void {
  for (const key of entries.keys()) {
    if (entries.size <= MAX_ENTRIES) break;
    entries.delete(key);
  }
}
