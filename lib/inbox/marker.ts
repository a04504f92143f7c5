import type { MessageId } from '../message-id.ts';
import type { Attempt, Marker, Placement } from './inbox.ts';
import { itemId } from './item.ts';
import type { Attributes } from './item.ts';

/** The table of markers, without its prefix. */
export const INBOX_TABLE = 'inbox';

const MAX_MESSAGE_BYTES = 1_024;

/** Attempts of one life of a message, so that a redrive counts more than any attempt before it. */
const ATTEMPTS_PER_REDRIVE = 1_000;

/** What every marker says of its message. */
interface MarkerHead {
  readonly queue: string;
  readonly id: MessageId;
  readonly payloadHash: string;
}

export type DoneMarker = Extract<Marker, { state: 'completed' | 'rejected' }>;

export const markerKey = (queue: string, id: MessageId): Attributes => ({ pk: { S: `${queue}#${id}` } });

export const markerItemId = (queue: string, id: MessageId): string => itemId(INBOX_TABLE, markerKey(queue, id));

/** Seconds since the epoch from which DynamoDB may forget the marker. */
export const expiry = (nowMs: number, retentionDays: number): string =>
  String(Math.floor(nowMs / 1_000) + retentionDays * 86_400);

/** A placement as a number: the further on, the larger. */
const placedNumber = ({ redrives, attempt }: Attempt): number => redrives * ATTEMPTS_PER_REDRIVE + attempt;

function head({ queue, id, payloadHash }: MarkerHead, at: string, expiresAt: string): Attributes {
  return { ...markerKey(queue, id), payloadHash: { S: payloadHash }, at: { S: at }, expiresAt: { N: expiresAt } };
}

/** The item that commits together with a message's effects. */
export function doneItem(marker: DoneMarker, expiresAt: string): Attributes {
  const item = head(marker, marker.at, expiresAt);
  item['state'] = { S: marker.state };
  if (marker.events.length > 0) item['events'] = { S: JSON.stringify(marker.events) };
  if (marker.reason !== undefined) item['reason'] = { S: marker.reason };
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
export function placementItem(queue: string, placement: Placement, at: string, expiresAt: string): Attributes {
  const { state, code, message } = placement;
  return {
    ...head({ queue, ...placement }, at, expiresAt),
    state: { S: state },
    placed: { N: String(placedNumber(placement)) },
    code: { S: code },
    message: { S: cut(message, MAX_MESSAGE_BYTES) },
  };
}

/** Reads a marker's item. */
export function toMarker(queue: string, item: Attributes): Marker {
  const text = (name: string): string => item[name]?.S ?? '';
  const base = {
    queue,
    id: text('pk').slice(queue.length + 1) as MessageId,
    payloadHash: text('payloadHash'),
    at: text('at'),
  };
  const state = text('state') as Marker['state'];
  switch (state) {
    case 'completed':
    case 'rejected':
      return { ...base, state, reason: item['reason']?.S, events: JSON.parse(text('events') || '[]') };
    case 'retrying':
    case 'dead-lettered': {
      const number = Number(item['placed']?.N);
      const placed = { redrives: Math.floor(number / ATTEMPTS_PER_REDRIVE), attempt: number % ATTEMPTS_PER_REDRIVE };
      return { ...base, state, placed, code: text('code'), message: text('message') };
    }
    case 'leased':
      return { ...base, state, owner: text('owner'), leaseExpiresAtMs: Number(item['leaseExpiresAtMs']?.N) };
  }
}
