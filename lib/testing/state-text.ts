import { types } from 'node:util';

import { readEnvelope } from '../events/envelope.ts';
import type { Message } from '../events/message.ts';
import type { Marker } from '../inbox/inbox.ts';
import { describeError, isInstance } from '../runtime/errors.ts';
import type { QueuedCopy } from './event.ts';
import { idOf } from './memory-broker.ts';
import type { WorldState } from './world-state.ts';

/**
 * Formats data as one line of JSON-like text, so that values can be compared by their text. `JSON.stringify` with a
 * replacer function takes twice as long.
 */
export function dataText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  if (Array.isArray(value)) return `[${value.map(dataText).join()}]`;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (types.isMap(value) || types.isSet(value)) return dataText([...value]);
  const data: object = isInstance(value, Error) ? describeError(value) : value;
  let text = '{';
  for (const [name, one] of Object.entries(data))
    // The schema of an event never changes during a run.
    if (one !== undefined && typeof one !== 'function' && name !== 'schema')
      text += `${JSON.stringify(name)}:${dataText(one)},`;
  return `${text}}`;
}

/**
 * Returns a function that formats objects as text and caches the text of each object. The objects must never change.
 */
function formatter<T extends object>(select: (value: T) => unknown): (value: T) => string {
  const texts = new WeakMap<T, string>();
  return (value) => {
    let text = texts.get(value);
    if (text === undefined) texts.set(value, (text = dataText(select(value))));
    return text;
  };
}

const objectText = formatter((value: object) => value);

// The time of the latest change is only shown to people.
const markerText = formatter((marker: Marker) => ({ ...marker, at: undefined }));

const publishedText = formatter((message: Message) => [
  idOf(message),
  readEnvelope(message.properties.headers).deadLetter?.id,
  message.body.toString(),
]);

export const copyText = ({ message, deliveries }: QueuedCopy): string => `${deliveries} ${objectText(message)}`;

const entriesText = (map: ReadonlyMap<string, object>): string =>
  linesText([...map].map(([key, value]) => `${dataText(key)} ${objectText(value)}`));

/**
 * Joins texts, and writes their number first, so that different lists of texts never become the same text. Each text
 * must be a single line or a result of this function.
 */
export const linesText = (texts: readonly string[]): string => `${texts.length}\n${texts.join('\n')}`;

/**
 * Returns the state of a simulation as text, so that states can be compared. The text contains only what can influence
 * the consumer or an invariant.
 */
export const stateText = ({ store, broker, queue, ...others }: WorldState): string => {
  const { items, markers, commits, attempts, blockedKeys, openBatch } = store;
  const { delayed, deadLetters, events } = broker;
  return linesText([
    ...[items, attempts, blockedKeys].map(entriesText),
    linesText([...markers.values()].map(markerText)),
    openBatch ? objectText(openBatch) : '',
    linesText(commits.map(objectText)),
    linesText(delayed.map(copyText)),
    // How often and when a copy was published makes no difference.
    ...[deadLetters, events].map((messages) => linesText([...new Set(messages.map(publishedText))])),
    linesText(queue.map(copyText)),
    dataText(others),
  ]);
};

const RANDOM_ID = /\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;

/**
 * Replaces each random UUID in the text of a state by its number in the order of first appearance. States that differ
 * only in random UUIDs are then equal, because the consumer only tests UUIDs for equality.
 */
export function withoutRandomIds(text: string): string {
  const numbers = new Map<string, number>();
  return text.replace(RANDOM_ID, (id) => {
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return `random ${number}`;
  });
}
