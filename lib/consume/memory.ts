import type { Lines } from '../inbox/inbox.ts';
import type { MessageId } from '../message-id.ts';

/** What a consumer remembers from one batch to the next, as long as its process lives: nothing that correctness needs. */
export interface Memory {
  /** How often each message of the batch before came back although the process survived it. */
  survived: Map<MessageId, number>;
  /** Follow-up events that the broker has confirmed. */
  readonly confirmed: Set<MessageId>;
  /** The order of batches that the store could not be told of. */
  unrecorded: Lines;
  /** When progress was noted last, by the broker's queue, in ms since the epoch. */
  readonly progressNotedAtMs: Map<string, number>;
}

export const newMemory = (): Memory => ({
  survived: new Map(),
  confirmed: new Set(),
  unrecorded: [],
  progressNotedAtMs: new Map(),
});
