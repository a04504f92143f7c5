import { hash } from 'node:crypto';

import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { MessageId } from '../events/message-id.ts';
import { outcomeOf } from '../consumer/outcome.ts';
import { open, type KeyedWork, type Work } from '../consumer/work.ts';

/** The messages of a batch by key, in the order in which they must be processed. */
export type Sequences = readonly (readonly [key: string, ids: readonly MessageId[]])[];

/** Says by its event which messages must be done one after another. */
export type KeyOf = (event: any) => string;

/** Bytes of a key that is stored as it is: a longer one makes the records of a large batch larger for nothing. */
const MAX_KEY_BYTES = 256;
const HASHED = 'sha256:';

/** Gives each message that can be read its key, and the error where `orderBy` fails. */
export function giveKeys(works: readonly Work[], keyOf: KeyOf): void {
  for (const work of open(works)) {
    try {
      work.key = boundedKey(keyOf(work.ready.event));
    } catch (error) {
      work.keyError = error;
    }
  }
}

/** Where `orderBy` fails, so does the message, as if its rule had; nothing waits for it. */
export function failWithoutKey(works: readonly Work[], queue: WorkQueue): void {
  for (const work of open(works))
    if (work.key === undefined) work.outcome = outcomeOf(work.keyError, work.delivery.envelope.attempt, queue);
}

/** The key where it is short text, its hash otherwise: also of what UTF-8 cannot write, which the store would change. */
export function boundedKey(key: unknown): string {
  if (typeof key !== 'string') throw new TypeError(`orderBy gave a ${typeof key}: the key must be a string`);
  const isPlain =
    Buffer.byteLength(key) <= MAX_KEY_BYTES && Buffer.from(key).toString() === key && !key.startsWith(HASHED);
  return isPlain ? key : HASHED + hash('sha256', Buffer.from(key, 'utf16le'));
}

export const keyed = (works: readonly Work[]) =>
  open(works).filter((work): work is KeyedWork => work.key !== undefined);

export const sequencesOf = (works: readonly KeyedWork[]): Sequences =>
  [...byKey(works)].map(([key, mine]) => [key, mine.map(({ ready }) => ready.id)]);

export function byKey(works: readonly KeyedWork[]): Map<string, KeyedWork[]> {
  const lines = new Map<string, KeyedWork[]>();
  for (const work of works) {
    const others = lines.get(work.key);
    if (others) others.push(work);
    else lines.set(work.key, [work]);
  }
  return lines;
}
