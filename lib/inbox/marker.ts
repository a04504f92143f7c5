import type { MessageId } from '../events/message-id.ts';
import type { Attempt, Marker, FailedMarker, Handoff } from './inbox.ts';
import { itemId } from '../dynamodb/item.ts';
import type { Attributes } from '../dynamodb/item.ts';
import { INBOX_TABLE } from './table.ts';

const MAX_MESSAGE_BYTES = 1_024;

export type DoneMarker = Extract<Marker, { state: 'completed' | 'rejected' }>;

export const markerKey = (queue: string, id: MessageId): Attributes => ({ pk: { S: `${queue}#${id}` } });

export const markerItemId = (queue: string, id: MessageId): string => itemId(INBOX_TABLE, markerKey(queue, id));

/** Returns a negative number if `one` is the earlier attempt, and 0 if both are the same attempt. */
export const compareAttempts = (one: Attempt, other: Attempt): number =>
  one.redrives - other.redrives || one.attempt - other.attempt;

/** Whether the marker shows that this attempt or a later one was handed off, with the same payload. */
export const isHandedOff = (
  marker: Pick<FailedMarker, 'redrives' | 'attempt' | 'payloadHash'>,
  message: Attempt & { readonly payloadHash: string },
): boolean => marker.payloadHash === message.payloadHash && compareAttempts(marker, message) >= 0;

/**
 * The condition under which a write may replace a message's marker: a retry, an expired lease, and a dead letter of an earlier
 * attempt or of another payload give way. A completed or rejected message and a valid lease keep their marker.
 */
export const givesWay = (
  { redrives, attempt, payloadHash }: Attempt & { readonly payloadHash: string },
  nowMs: number,
) => ({
  ConditionExpression:
    'attribute_not_exists(#pk) OR #state = :retrying OR (#state = :leased AND #until <= :now) OR (#state = :dead AND ' +
    '(#hash <> :hash OR #redrives < :redrives OR (#redrives = :redrives AND #attempt < :attempt)))',
  ExpressionAttributeNames: {
    '#pk': 'pk',
    '#state': 'state',
    '#until': 'leaseExpiresAtMs',
    '#hash': 'payloadHash',
    '#redrives': 'redrives',
    '#attempt': 'attempt',
  },
  ExpressionAttributeValues: {
    ':retrying': { S: 'retrying' },
    ':leased': { S: 'leased' },
    ':dead': { S: 'dead-lettered' },
    ':now': { N: String(nowMs) },
    ':hash': { S: payloadHash },
    ':redrives': { N: String(redrives) },
    ':attempt': { N: String(attempt) },
  },
});

/** The marker's item that commits together with the effects of the message. */
export function doneItem(
  { queue, id, state, at, payloadHash, events, reason }: DoneMarker,
  expiresAt: string,
): Attributes {
  const item: Attributes = {
    ...markerKey(queue, id),
    state: { S: state },
    at: { S: at },
    payloadHash: { S: payloadHash },
    expiresAt: { N: expiresAt },
  };
  if (events.length > 0) item['events'] = { S: JSON.stringify(events) };
  if (reason !== undefined) item['reason'] = { S: reason };
  return item;
}

/** Shortens a text to at most `maxBytes` in UTF-8 without cutting a character. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** The marker's item of a failed message, with the attempt and the error. */
export function handoffItem(
  queue: string,
  handoff: Handoff,
  at: string,
  expiresAt: string,
  isPending: boolean,
): Attributes {
  const { id, state, payloadHash, redrives, attempt, code, message } = handoff;
  return {
    ...markerKey(queue, id),
    payloadHash: { S: payloadHash },
    at: { S: at },
    expiresAt: { N: expiresAt },
    state: { S: state },
    redrives: { N: String(redrives) },
    attempt: { N: String(attempt) },
    code: { S: code },
    message: { S: cut(message, MAX_MESSAGE_BYTES) },
    ...(isPending && { pending: { BOOL: true } }),
  };
}

export function toMarker(queue: string, item: Attributes): Marker {
  const text = (name: string): string => item[name]?.S ?? '';
  const number = (name: string): number => Number(item[name]?.N);
  const state = text('state') as Marker['state'];
  const id = text('pk').slice(queue.length + 1) as MessageId;
  const base = { queue, id, payloadHash: text('payloadHash'), at: text('at') };
  switch (state) {
    case 'completed':
    case 'rejected':
      return { ...base, state, reason: item['reason']?.S, events: JSON.parse(text('events') || '[]') };
    case 'retrying':
    case 'dead-lettered': {
      const attempt = { redrives: number('redrives'), attempt: number('attempt') };
      const isPending = item['pending']?.BOOL;
      return {
        ...base,
        state,
        ...attempt,
        code: text('code'),
        message: text('message'),
        ...(isPending && { isPending }),
      };
    }
    case 'leased':
      return { ...base, state, owner: text('owner'), leaseExpiresAtMs: number('leaseExpiresAtMs') };
  }
}
