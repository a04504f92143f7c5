import type { MessageId } from '../events/message-id.ts';
import type { ValidMessage } from '../message/message.ts';
import { keyOf } from '../message/ordering-key.ts';

/** The message ids of a batch, grouped by ordering key, in the order in which they must be processed. */
export type Sequences = readonly (readonly [key: string, ids: readonly MessageId[]])[];

export function byKey(messages: readonly ValidMessage[]): Map<string, ValidMessage[]> {
  const sequences = new Map<string, ValidMessage[]>();
  for (const message of messages) {
    const key = keyOf(message);
    if (key === undefined) continue;
    const sequence = sequences.get(key);
    if (sequence) sequence.push(message);
    else sequences.set(key, [message]);
  }
  return sequences;
}
