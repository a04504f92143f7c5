import { KEY_HEADER } from '../events/envelope.ts';
import type { ValidMessage } from '../message/message.ts';
import type { OrderedBatch } from './ordered-batch.ts';
import { byKey } from './sequences.ts';

/**
 * Logs a warning if two messages with the same ordering key may be in different shards, because the headers
 * `surehop-key` of the messages differ.
 */
export function warnOfSplitKeys(
  messages: readonly ValidMessage[],
  { queue, warn }: Pick<OrderedBatch, 'queue' | 'warn'>,
): void {
  if (!queue.ring) return;
  for (const [first, ...others] of byKey(messages).values()) {
    const other = others.find((message) => shardKeyOf(message) !== shardKeyOf(first!));
    if (!other) continue;
    return warn(
      'messages of one ordering key may be in different shards',
      new Error(
        `the messages ${first!.id} and ${other.id} of the queue ${queue.name} have the same ordering key, but their publishers sent them with different values of the header ${KEY_HEADER}: let "orderBy" of the consumer return the same value as "key" of the event`,
      ),
    );
  }
}

const shardKeyOf = ({ delivery }: ValidMessage) => JSON.stringify(delivery.properties.headers[KEY_HEADER]);
