import type { MessageId } from '../events/message-id.ts';
import type { Attempt, Marker, PlacedMarker, Placement } from './inbox.ts';
import { itemId } from '../dynamodb/item.ts';
import type { Attributes } from '../dynamodb/item.ts';
import { INBOX_TABLE } from './table.ts';

const MAX_MESSAGE_BYTES = 1_024;

/** Attempts of one life of a message, so that a redrive counts more than any attempt before it. */
const ATTEMPTS_PER_REDRIVE = 1_000;

export type DoneMarker = Extract<Marker, { state: 'completed' | 'rejected' }>;

export const markerKey = (queue: string, id: MessageId): Attributes => ({ pk: { S: `${queue}#${id}` } });

export const markerItemId = (queue: string, id: MessageId): string => itemId(INBOX_TABLE, markerKey(queue, id));

/** A placement as a number: the further on, the larger. */
export const placedNumber = ({ redrives, attempt }: Attempt): number => redrives * ATTEMPTS_PER_REDRIVE + attempt;

/** Whether the message became a dead letter at this attempt or a later one; another payload could not be meant. */
export const isGivenUp = (
  { placed, payloadHash }: PlacedMarker,
  entry: Attempt & { readonly payloadHash: string },
): boolean => payloadHash === entry.payloadHash && placedNumber(placed) >= placedNumber(entry);

/**
 * The item that commits together with a message's effects. What is always there stands in one attribute, `done`: state, time
 * and hash. A transaction has up to a hundred of these items, and each attribute costs as much again as its text.
 */
export function doneItem(
  { queue, id, state, at, payloadHash, events, reason }: DoneMarker,
  expiresAt: string,
): Attributes {
  const item: Attributes = {
    ...markerKey(queue, id),
    done: { S: `${state} ${at} ${payloadHash}` },
    expiresAt: { N: expiresAt },
  };
  if (events.length > 0) item['events'] = { S: JSON.stringify(events) };
  if (reason !== undefined) item['reason'] = { S: reason };
  return item;
}

/** Cuts a text to whole characters of at most `maxBytes` in UTF-8. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** The item that notes where a failed message went. */
export function placementItem(
  queue: string,
  placement: Placement,
  at: string,
  expiresAt: string,
  isPending: boolean,
): Attributes {
  const { id, state, payloadHash, code, message } = placement;
  return {
    ...markerKey(queue, id),
    payloadHash: { S: payloadHash },
    at: { S: at },
    expiresAt: { N: expiresAt },
    state: { S: state },
    placed: { N: String(placedNumber(placement)) },
    code: { S: code },
    message: { S: cut(message, MAX_MESSAGE_BYTES) },
    ...(isPending && { pending: { BOOL: true } }),
  };
}

/** Reads a marker's item. */
export function toMarker(queue: string, item: Attributes): Marker {
  const text = (name: string): string => item[name]?.S ?? '';
  // What is not done, and a lease that was completed, has attributes of its own.
  const said = item['done']?.S?.split(' ') ?? [text('state'), text('at'), text('payloadHash')];
  const [state, at, payloadHash] = said as [Marker['state'], string, string];
  const base = { queue, id: text('pk').slice(queue.length + 1) as MessageId, payloadHash, at };
  switch (state) {
    case 'completed':
    case 'rejected':
      return { ...base, state, reason: item['reason']?.S, events: JSON.parse(text('events') || '[]') };
    case 'retrying':
    case 'dead-lettered': {
      const number = Number(item['placed']?.N);
      const placed = { redrives: Math.floor(number / ATTEMPTS_PER_REDRIVE), attempt: number % ATTEMPTS_PER_REDRIVE };
      const isPending = item['pending']?.BOOL;
      return { ...base, state, placed, code: text('code'), message: text('message'), ...(isPending && { isPending }) };
    }
    case 'leased':
      return { ...base, state, owner: text('owner'), leaseExpiresAtMs: Number(item['leaseExpiresAtMs']?.N) };
  }
}
