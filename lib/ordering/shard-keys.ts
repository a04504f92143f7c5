import type { Batch } from '../consumer/batch.ts';
import type { Candidate } from '../message/message.ts';
import { KEY_HEADER } from '../events/envelope.ts';
import { byKey } from './sequences.ts';

/**
 * Logs a warning if two messages with the same ordering key may be in different shards, because the headers
 * `surehop-key` of the messages differ.
 */
export function warnOfSplitKeys(
  candidates: readonly Candidate[],
  { queue, warn }: Pick<Batch, 'queue' | 'warn'>,
): void {
  if (!queue.ring) return;
  for (const messages of byKey(candidates).values()) {
    const [first, ...others] = messages;
    const other = others.find((candidate) => shardKeyOf(candidate) !== shardKeyOf(first!));
    if (!other) continue;
    return warn(
      'messages of one ordering key may be in different shards',
      new Error(
        `the messages ${first!.id} and ${other.id} of the queue ${queue.name} have the same ordering key, but their publishers sent them with different event keys: let orderBy return the value that the function "key" of the event returns`,
      ),
    );
  }
}

const shardKeyOf = ({ delivery }: Candidate) => JSON.stringify(delivery.properties.headers[KEY_HEADER]);
