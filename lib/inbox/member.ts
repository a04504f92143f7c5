import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { describeError } from '../runtime/errors.ts';
import { deriveId } from '../events/message-id.ts';
import type { Add, Decision, Effect, FollowUp, Put } from './decision.ts';
import type { Entry, StoredEvent } from './inbox.ts';
import { invalidEffect, itemBytes, itemId, toAttributes, toKey } from '../dynamodb/item.ts';
import type { Attributes } from '../dynamodb/item.ts';

/** What one message adds to one attribute, and the least value before it with which its conditions hold. */
interface Sum {
  readonly attribute: string;
  by: number;
  needs: number;
}

/** All that one decision does to one item: additions, or a put. `table` has no prefix. */
export type Operation = { readonly id: string; readonly table: string; readonly key: Attributes } & (
  { readonly sums: Sum[] } | { readonly put: Attributes; readonly when?: PutCondition }
);

export type PutCondition = 'absent' | { readonly attribute: string; readonly equals: AttributeValue };

/** A way to finish a message: its decision, or one of the alternatives that follow where a condition fails. */
export interface Option {
  readonly state: 'completed' | 'rejected';
  readonly reason?: string;
  readonly operations: readonly Operation[];
  readonly followUps: readonly FollowUp[];
}

/** A message on its way into the store. */
export interface Member {
  /** Its place among the entries. */
  readonly index: number;
  readonly entry: Entry;
  readonly markerId: string;
  /** In the order in which they are tried. */
  readonly options: readonly [Option, ...Option[]];
  /** Every item that any option touches, the marker included; `true`: nobody else may touch it in the same transaction. */
  readonly footprint: ReadonlyMap<string, boolean>;
  /** The most that it can add to a transaction. */
  readonly bytes: number;
  /** Its marker was met, one that may give way. */
  hasMarker: boolean;
  /**
   * What the marker says for `at` if a transaction was done whose answer was lost: the message may be in the store, so
   * `failed` cannot be said of it any more.
   */
  lostAt?: string;
}

/** Keeps sums exact: one transaction has fewer than 100 messages, and 101 times this is below 2^53. */
const MAX_ADDITION = 2 ** 46;
const MAX_EVENTS_BYTES = 300 * 1024;
/** Bytes of the reason for which a message was rejected. */
const MAX_REASON_BYTES = 4_096;
/** An event's id, version and punctuation. */
const EVENT_BYTES = 120;
/** Key, hash, times and what DynamoDB adds; the reason and the events come on top. */
const MARKER_BYTES = 800;

function checkWhole(table: string, attribute: string, value: number): void {
  if (Number.isInteger(value) && Math.abs(value) <= MAX_ADDITION) return;
  throw invalidEffect(
    `${table}.${attribute}: ${value} cannot be added or compared: it must be a whole number from -2^46 to 2^46`,
  );
}

function addTo(sums: Sum[], { table, attribute, by, atLeast }: Add): void {
  let sum = sums.find((other) => other.attribute === attribute);
  if (sum === undefined) sums.push((sum = { attribute, by: 0, needs: -Infinity }));
  checkWhole(table, attribute, by);
  checkWhole(table, attribute, (sum.by += by));
  if (atLeast === undefined) return;
  checkWhole(table, attribute, atLeast);
  sum.needs = Math.max(sum.needs, atLeast - sum.by);
}

function toCondition({ table, when }: Put): PutCondition | undefined {
  if (when === undefined || when === 'absent') return when;
  const { attribute, equals } = when;
  const written = toAttributes(table, { [attribute]: equals })[attribute];
  if (written === undefined) throw invalidEffect(`a put on ${table} compares ${attribute} with nothing`);
  return { attribute, equals: written };
}

/** Brings the effects of one decision to one operation per item; throws where two of them contradict each other. */
function toOperations(effects: readonly Effect[]): Operation[] {
  const operations: Operation[] = [];
  for (const effect of effects) {
    const { table } = effect;
    // A misspelt property of `defineTables` in JavaScript.
    if (typeof table !== 'string' || table === '') throw invalidEffect('an effect names no table');
    const key = toKey(table, effect.key);
    const id = itemId(table, key);
    const met = operations.find((other) => other.id === id);
    if (met !== undefined && (effect.kind === 'put' || 'put' in met)) {
      throw invalidEffect(`a put and another effect of the same message change the same item: ${id}`);
    }
    if (effect.kind === 'put') {
      operations.push({
        id,
        table,
        key,
        put: { ...toAttributes(table, effect.item), ...key },
        when: toCondition(effect),
      });
    } else {
      const operation: Operation = met ?? { id, table, key, sums: [] };
      if (met === undefined) operations.push(operation);
      if ('sums' in operation) addTo(operation.sums, effect);
    }
  }
  return operations;
}

const toOption = ({ effects, events = [] }: Decision, state: Option['state'], reason?: string): Option => ({
  state,
  reason,
  operations: toOperations(effects),
  followUps: events,
});

/** The events of the option that was taken, each with an id that a repetition derives again. */
export const storedEvents = (queue: string, { id }: Entry, { followUps }: Option): StoredEvent[] =>
  followUps.map(({ event, data }, index) => {
    const { type, version, exchange } = event;
    const shardKey = event.key?.(data);
    const stored = { id: deriveId(queue, id, type, String(index)), type, version, exchange, data };
    return shardKey === undefined ? stored : { ...stored, shardKey };
  });

function optionBytes({ followUps, reason, operations }: Option): number {
  let eventBytes = 0;
  for (const { event, data } of followUps) {
    const { type, exchange } = event;
    const json = JSON.stringify(data) as string | undefined;
    if (json === undefined) throw invalidEffect(`the follow-up event ${type} has no data`);
    eventBytes += EVENT_BYTES + Buffer.byteLength(type + exchange + json + (event.key?.(data) ?? ''));
  }
  if (eventBytes > MAX_EVENTS_BYTES) {
    throw invalidEffect(`the follow-up events have ${eventBytes} bytes; the marker keeps ${MAX_EVENTS_BYTES} at most`);
  }
  const reasonBytes = Buffer.byteLength(reason ?? '');
  if (reasonBytes > MAX_REASON_BYTES)
    throw invalidEffect(`the reason has ${reasonBytes} bytes; the marker keeps ${MAX_REASON_BYTES} at most`);
  let bytes = MARKER_BYTES + eventBytes + reasonBytes;
  for (const operation of operations) {
    if ('put' in operation) bytes += itemBytes(operation.table, operation.put);
    else bytes += itemBytes(operation.table, operation.key) + operation.sums.length * 64;
  }
  return bytes;
}

/** Prepares a decided message with all its alternatives; throws `INVALID_EFFECT` where one of them can never be written. */
export function toMember(index: number, entry: Entry, markerId: string): Member {
  try {
    const first = toOption(entry.decision, 'completed');
    const options: [Option, ...Option[]] = [first];
    for (let next = entry.decision.otherwise; next !== undefined; next = next.otherwise) {
      options.push(toOption(next, next.outcome, next.reason));
    }
    const footprint = new Map([[markerId, true]]);
    let bytes = 0;
    for (const option of options) {
      bytes = Math.max(bytes, optionBytes(option));
      for (const operation of option.operations) {
        const exclusive = 'put' in operation || footprint.get(operation.id) === true;
        footprint.set(operation.id, exclusive);
      }
    }
    return { index, entry, markerId, options, footprint, bytes, hasMarker: entry.hasMarker ?? false };
  } catch (error) {
    const { code, message } = describeError(error);
    throw code === 'INVALID_EFFECT'
      ? error
      : invalidEffect(`the decision cannot be written: ${message}`, { cause: error });
  }
}
