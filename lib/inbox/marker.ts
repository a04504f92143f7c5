import type { MessageId } from '../events/message-id.ts';
import { attributesToFacts, factsToAttributes } from './facts.ts';
import type { Attempt, Entry, FailedMarker, FoundMarker, Handoff, Marker, StoredEvent } from './inbox.ts';
import { itemId } from '../dynamodb/item.ts';
import type { Attributes } from '../dynamodb/item.ts';
import { inboxTable } from '../dynamodb/toolkit-tables.ts';
import { CodedError } from '../runtime/errors.ts';
import { shortText, wellFormed } from '../runtime/short-text.ts';

const MAX_MESSAGE_BYTES = 1_024;

export type DoneMarker = Extract<Marker, { state: 'completed' | 'rejected' }>;

export const markerKey = (queue: string, id: MessageId): Attributes => ({ pk: { S: `${queue}#${id}` } });

export const markerItemId = (queue: string, id: MessageId): string => itemId(inboxTable.name, markerKey(queue, id));

export const compareAttempts = (one: Attempt, other: Attempt): number =>
  one.redrives - other.redrives || one.attempt - other.attempt;

/**
 * Whether an inbox marker shows that the given attempt of a message has already failed. This is so if this attempt or
 * a later one led to a retry copy, or if the message became a dead letter and has not been redriven since.
 */
export const isHandedOff = (
  marker: Pick<FailedMarker, 'state' | 'redrives' | 'attempt' | 'payloadHash'>,
  message: Attempt & { readonly payloadHash: string },
): boolean =>
  marker.payloadHash === message.payloadHash &&
  (marker.state === 'dead-lettered' ? marker.redrives >= message.redrives : compareAttempts(marker, message) >= 0);

export const RELEASED_MS = 0;

export const isAbandonedLease = (marker: FoundMarker, nowMs: number): boolean =>
  marker.state === 'leased' && marker.leaseExpiresAtMs !== RELEASED_MS && marker.leaseExpiresAtMs <= nowMs;

/** Returns the DynamoDB condition under which the inbox marker of a message may be written. */
export const givesWay = (
  { redrives, payloadHash, leaseOwner }: Pick<Entry, 'redrives' | 'payloadHash' | 'leaseOwner'>,
  nowMs: number,
) => ({
  ConditionExpression:
    'attribute_not_exists(#pk) OR #state = :retrying OR ' +
    `(#state = :leased AND (#until <= :now${leaseOwner ? ' OR #owner = :owner' : ''})) OR (#state = :dead AND ` +
    '(#hash <> :hash OR #redrives < :redrives))',
  ExpressionAttributeNames: {
    '#pk': 'pk',
    '#state': 'state',
    '#until': 'leaseExpiresAtMs',
    '#hash': 'payloadHash',
    '#redrives': 'redrives',
    ...(leaseOwner && { '#owner': 'owner' }),
  },
  ExpressionAttributeValues: {
    ':retrying': { S: 'retrying' },
    ':leased': { S: 'leased' },
    ':dead': { S: 'dead-lettered' },
    ':now': { N: String(nowMs) },
    ':hash': { S: payloadHash },
    ':redrives': { N: String(redrives) },
    ...(leaseOwner && { ':owner': { S: leaseOwner } }),
  },
});

/** Creates the DynamoDB item that records a completed or rejected message. */
export function doneItem(
  { queue, id, state, at, payloadHash, events, reason, supersededBy, effects, facts }: DoneMarker,
  expiresAt: string,
  leaseOwner?: string,
): Attributes {
  // Node.js creates an object several times as fast if its spreads come last.
  const item: Attributes = {
    state: { S: state },
    at: { S: at },
    payloadHash: { S: payloadHash },
    expiresAt: { N: expiresAt },
    ...markerKey(queue, id),
    ...factsToAttributes(facts),
  };
  if (leaseOwner !== undefined) item['owner'] = { S: leaseOwner };
  if (events.length > 0 || leaseOwner !== undefined) item['events'] = { S: JSON.stringify(events) };
  if (reason !== undefined) item['reason'] = { S: wellFormed(reason) };
  if (supersededBy !== undefined) item['supersededBy'] = { S: supersededBy };
  if (effects !== undefined) item['effects'] = { S: JSON.stringify(effects) };
  return item;
}

function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return wellFormed(text);
  let end = maxBytes;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** Creates the DynamoDB item that records a failed message, with the number of the attempt and the error. */
export function handoffItem(
  queue: string,
  handoff: Handoff,
  at: string,
  expiresAt: string,
  isPending: boolean,
): Attributes {
  const { id, state, payloadHash, redrives, attempt, code, message, facts } = handoff;
  return {
    ...markerKey(queue, id),
    ...factsToAttributes(facts),
    payloadHash: { S: payloadHash },
    at: { S: at },
    expiresAt: { N: expiresAt },
    state: { S: state },
    redrives: { N: String(redrives) },
    attempt: { N: String(attempt) },
    code: { S: wellFormed(code) },
    message: { S: cut(message, MAX_MESSAGE_BYTES) },
    ...(isPending && { pending: { BOOL: true } }),
  };
}

/**
 * Converts a DynamoDB item of the inbox table to an inbox marker. If the item cannot be read, returns an inbox marker
 * with the state `unreadable` instead of throwing an error.
 */
export function readMarker(queue: string, item: Attributes): FoundMarker {
  try {
    return toMarker(queue, item);
  } catch (error) {
    return { state: 'unreadable', queue, id: idOf(queue, item), error: error as Error };
  }
}

const idOf = (queue: string, item: Attributes) => (item['pk']?.S ?? '').slice(queue.length + 1) as MessageId;

/**
 * Converts a DynamoDB item of the inbox table to an inbox marker. Throws an error with the code `INVALID_ITEM` if the
 * item cannot be read, for example because an operator has changed the item.
 */
function toMarker(queue: string, item: Attributes): Marker {
  const text = (name: string): string => item[name]?.S ?? '';
  const number = (name: string): number => Number(item[name]?.N);
  const state = text('state') as Marker['state'];
  const id = idOf(queue, item);
  const facts = attributesToFacts(item, state === 'completed' || state === 'rejected');
  const base = { queue, id, payloadHash: text('payloadHash'), at: text('at'), ...(facts && { facts }) };
  // Node.js creates an object several times as fast if its spreads come last.
  switch (state) {
    case 'completed':
    case 'rejected': {
      const effects = item['effects']?.S;
      return {
        state,
        reason: item['reason']?.S,
        events: eventsOf(item),
        ...base,
        ...(item['supersededBy'] && { supersededBy: text('supersededBy') as MessageId }),
        ...(effects && { effects: fromJson(item, 'effects') as Record<string, number> }),
      };
    }
    case 'retrying':
    case 'dead-lettered': {
      const attempt = { redrives: number('redrives'), attempt: number('attempt') };
      if (state === 'dead-lettered') requireNumber(item, 'redrives');
      const isPending = item['pending']?.BOOL;
      return {
        state,
        code: text('code'),
        message: text('message'),
        ...base,
        ...attempt,
        ...(isPending && { isPending }),
      };
    }
    case 'leased':
      requireNumber(item, 'leaseExpiresAtMs');
      return { state, owner: text('owner'), leaseExpiresAtMs: number('leaseExpiresAtMs'), ...base };
    default:
      throw invalidMarker(item, `the state "${shortText(text('state'), MAX_SHOWN)}" is unknown`);
  }
}

/**
 * Throws an error if the attribute `name` of an inbox marker is not a number. A DynamoDB condition that compares such
 * an attribute with a number would never hold.
 */
function requireNumber(item: Attributes, name: string): void {
  if (item[name]?.N === undefined) throw invalidMarker(item, `the attribute "${name}" is not a number`);
}

const MAX_SHOWN = 100;

function eventsOf(item: Attributes): StoredEvent[] {
  if (!item['events']?.S) return [];
  const events = fromJson(item, 'events');
  if (!Array.isArray(events) || !events.every(isEvent))
    throw invalidMarker(item, 'the attribute "events" is not a list of events');
  return events;
}

function isEvent(value: unknown): value is StoredEvent {
  const { id, type, version, exchange } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof id === 'string' && typeof type === 'string' && typeof version === 'number' && typeof exchange === 'string'
  );
}

function fromJson(item: Attributes, attribute: string): unknown {
  try {
    return JSON.parse(item[attribute]?.S ?? '');
  } catch {
    // The error of JSON.parse quotes the attribute, which may contain confidential data.
    throw invalidMarker(item, `the attribute "${attribute}" is not JSON`);
  }
}

const invalidMarker = (item: Attributes, reason: string): CodedError =>
  new CodedError('INVALID_ITEM', `the inbox marker ${item['pk']?.S} cannot be read: ${reason}`);
