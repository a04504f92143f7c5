import type { Batch } from '../consumer/batch.ts';
import type { Candidate } from '../consumer/message.ts';
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
        `the messages ${first!.id} and ${other.id} of the queue ${queue.name} have the same ordering key, but different keys of their events: let orderBy return the key of the event`,
      ),
    );
  }
}

const shardKeyOf = ({ delivery }: Candidate) => JSON.stringify(delivery.properties.headers[KEY_HEADER]);
