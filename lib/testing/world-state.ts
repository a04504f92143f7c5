import { types } from 'node:util';

import { readEnvelope } from '../events/envelope.ts';
import type { Message } from '../events/message.ts';
import { describeError, isInstance } from '../runtime/errors.ts';
import type { QueuedCopy } from './event.ts';
import { idOf, type MemoryBroker } from './memory-broker.ts';
import type { MemoryStore } from './memory-store.ts';

/** Formats data as text. Two values with the same text are the same data. */
export const dataText = (value: unknown): string => JSON.stringify(value, plain) ?? 'undefined';

function plain(key: string, value: unknown): unknown {
  // The schema of an event never changes during a run.
  if (key === 'schema') return undefined;
  if (types.isMap(value) || types.isSet(value)) return [...value];
  return isInstance(value, Error) ? describeError(value) : value;
}

const texts = new WeakMap<object, string>();

/**
 * Formats an object that never changes. The text is cached, and later calls with the same object return the cached
 * text.
 */
function constantText<T extends object>(value: T, format: (value: T) => unknown = (same) => same): string {
  let text = texts.get(value);
  if (text === undefined) texts.set(value, (text = dataText(format(value))));
  return text;
}

const entriesText = (map: ReadonlyMap<string, object>) => [...map].map(([key, value]) => [key, constantText(value)]);

export const copyText = ({ message, deliveries }: QueuedCopy): string => `${deliveries} ${constantText(message)}`;

/** Formats everything in the in-memory store and the in-memory broker that a consumer or an invariant reads. */
export const contentsText = (
  { items, markers, commits, attempts, blockedKeys, openBatch }: MemoryStore,
  { delayed, deadLetters, events }: MemoryBroker,
): string =>
  dataText([
    ...[items, attempts, blockedKeys].map(entriesText),
    // The time of the latest change is only shown to people.
    [...markers.values()].map((marker) => constantText(marker, (same) => ({ ...same, at: undefined }))),
    openBatch,
    commits.map((commit) => constantText(commit)),
    delayed.map((copy) => copyText(copy)),
    // How often and when a copy was published makes no difference.
    [deadLetters, events].map((messages) => [...new Set(messages.map(publishedText))]),
  ]);

const publishedText = (message: Message): string =>
  dataText([idOf(message), readEnvelope(message.properties.headers).deadLetter?.id, message.body.toString()]);

const RANDOM_ID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;

/**
 * Replaces each random UUID by its number in the order of first appearance. The consumer compares such ids only for
 * equality, and therefore the consumer behaves the same in two states that differ only in these ids.
 */
export function withoutRandomIds(text: string): string {
  const numbers = new Map<string, number>();
  return text.replace(RANDOM_ID, (id) => {
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return `random ${number}`;
  });
}
