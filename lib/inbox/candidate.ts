import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import { invalidEffect, itemBytes, itemId, toAttributes, toKey, type Attributes } from '../dynamodb/item.ts';
import { deriveId } from '../events/message-id.ts';
import { describeError } from '../runtime/errors.ts';
import type { Decision, Effect, FollowUp, Put } from './decision.ts';
import type { Entry, StoredEvent } from './inbox.ts';
import { markerItemId } from './marker.ts';

/**
 * For each attribute of an item, the number to add (`by`) and the smallest stored value that allows the addition
 * (`needs`).
 */
export type Sums = Map<string, { by: number; needs: number }>;

export type PutCondition = 'absent' | { readonly attribute: string; readonly equals: AttributeValue };

/** What one decision writes to one DynamoDB item. `table` is the table name without the deployment's prefix. */
export type Operation = { readonly id: string; readonly table: string; readonly key: Attributes } & (
  { readonly sums: Sums } | { readonly put: Attributes; readonly when?: PutCondition }
);

/**
 * One way to finish a message: the decision of its business rule, or one of the alternatives that the business rule
 * gave for a failed condition.
 */
export interface Branch {
  readonly state: 'completed' | 'rejected';
  readonly reason?: string;
  readonly operations: readonly Operation[];
  readonly followUps: readonly FollowUp[];
}

/** A message whose business rule has decided on its effects. The effects are not committed yet. */
export interface Candidate {
  /** The position of the message among the entries to commit. */
  readonly index: number;
  readonly entry: Entry;
  /** The decision of the business rule, followed by its alternatives in the order in which the commit tries them. */
  readonly branches: readonly [Branch, ...Branch[]];
  /**
   * The ids of all DynamoDB items that the message may write, including its inbox record. The value is `true` if no
   * other message of the same transaction may write the item.
   */
  readonly items: ReadonlyMap<string, boolean>;
  /** The largest number of bytes that the message can add to a transaction. */
  readonly bytes: number;
}

/**
 * DynamoDB accepts at most 100 items and 4 MiB per transaction. Our byte limit is lower, because item sizes are estimated.
 */
export const transactionLimits = { items: 100, bytes: 4_000_000 } as const;

/**
 * The largest number that one message may add. With larger numbers, the sum over all messages of a transaction could exceed
 * 2^53 and become inexact.
 */
const MAX_ADDITION = 2 ** 46;
const MAX_EVENTS_BYTES = 300 * 1024;
const MAX_REASON_BYTES = 4_096;
/** Estimated bytes that one follow-up event adds to the message's inbox record besides its type, exchange, data and key. */
const EVENT_BYTES = 120;
/** Estimated bytes of an inbox record without its reason and its follow-up events. */
const MARKER_BYTES = 800;
const SUM_BYTES = 64;

/**
 * Merges an addition into the earlier additions to the same attribute. The merged addition has the same result as the
 * single additions one after another, and needs the same starting value.
 */
export function addSum(sums: Sums, attribute: string, by: number, needs: number): void {
  const sum = sums.get(attribute);
  if (sum === undefined) sums.set(attribute, { by, needs });
  else sums.set(attribute, { by: sum.by + by, needs: Math.max(sum.needs, needs - sum.by) });
}

function requireWhole(table: string, attribute: string, value: number): void {
  if (Number.isInteger(value) && Math.abs(value) <= MAX_ADDITION) return;
  throw invalidEffect(
    `${table}.${attribute}: cannot add or compare ${value}; use a whole number between -2^46 and 2^46`,
  );
}

function toCondition({ table, when }: Put): PutCondition | undefined {
  if (when === undefined || when === 'absent') return when;
  const { attribute } = when;
  const equals = toAttributes(table, { [attribute]: when.equals })[attribute];
  if (equals === undefined) throw invalidEffect(`a put on ${table} compares ${attribute} with undefined`);
  return { attribute, equals };
}

function toOperation(effect: Effect, earlier: Map<string, Operation>): Operation {
  const { table } = effect;
  // Without TypeScript, a misspelt table name reads as undefined from the result of `defineTables`.
  if (typeof table !== 'string' || table === '') throw invalidEffect('an effect names no table');
  const key = toKey(table, effect.key);
  const id = itemId(table, key);
  const same = earlier.get(id);
  if (same !== undefined && (effect.kind === 'put' || 'put' in same))
    throw invalidEffect(`a put and another effect of the same message write the same item: ${id}`);
  if (effect.kind === 'put') {
    return { id, table, key, put: { ...toAttributes(table, effect.item), ...key }, when: toCondition(effect) };
  }
  const operation: Operation & { sums: Sums } = same && 'sums' in same ? same : { id, table, key, sums: new Map() };
  const { attribute, by, atLeast } = effect;
  requireWhole(table, attribute, by);
  if (atLeast !== undefined) requireWhole(table, attribute, atLeast);
  addSum(operation.sums, attribute, by, atLeast === undefined ? -Infinity : atLeast - by);
  requireWhole(table, attribute, operation.sums.get(attribute)!.by);
  return operation;
}

/**
 * Returns the follow-up events of a branch. The event ids are derived from the message id, and therefore a redelivery
 * of the message publishes events with the same ids.
 */
export const storedEvents = (queue: string, { id }: Entry, { followUps }: Branch): StoredEvent[] =>
  followUps.map(({ event, data }, index) => {
    const { type, version, exchange } = event;
    const shardKey = event.key?.(data);
    const stored = { id: deriveId(queue, id, type, String(index)), type, version, exchange, data };
    return shardKey === undefined ? stored : { ...stored, shardKey };
  });

function toBranch({ effects, events = [] }: Decision, state: Branch['state'], reason?: string): Branch {
  const operations = new Map<string, Operation>();
  for (const effect of effects) {
    const operation = toOperation(effect, operations);
    operations.set(operation.id, operation);
  }
  return { state, reason, operations: [...operations.values()], followUps: events };
}

function bytesOf({ followUps, reason = '', operations }: Branch): number {
  let eventBytes = 0;
  for (const { event, data } of followUps) {
    const { type, exchange } = event;
    const json = JSON.stringify(data) as string | undefined;
    if (json === undefined) throw invalidEffect(`the follow-up event ${type} has no data`);
    eventBytes += EVENT_BYTES + Buffer.byteLength(type + exchange + json + (event.key?.(data) ?? ''));
  }
  if (eventBytes > MAX_EVENTS_BYTES)
    throw invalidEffect(`the follow-up events have ${eventBytes} bytes; a marker holds at most ${MAX_EVENTS_BYTES}`);
  const reasonBytes = Buffer.byteLength(reason);
  if (reasonBytes > MAX_REASON_BYTES)
    throw invalidEffect(`the reason has ${reasonBytes} bytes; a marker holds at most ${MAX_REASON_BYTES}`);
  let bytes = MARKER_BYTES + eventBytes + reasonBytes;
  for (const operation of operations)
    bytes +=
      'put' in operation
        ? itemBytes(operation.table, operation.put)
        : itemBytes(operation.table, operation.key) + operation.sums.size * SUM_BYTES;
  return bytes;
}

function compile(index: number, entry: Entry, queue: string): Candidate {
  const { id, decision } = entry;
  const branches: [Branch, ...Branch[]] = [toBranch(decision, 'completed')];
  for (let next = decision.otherwise; next !== undefined; next = next.otherwise)
    branches.push(toBranch(next, next.outcome, next.reason));
  const items = new Map([[markerItemId(queue, id), true]]);
  for (const { operations } of branches)
    for (const operation of operations) items.set(operation.id, 'put' in operation || items.get(operation.id) === true);
  const bytes = Math.max(...branches.map(bytesOf));
  const written = Math.max(...branches.map(({ operations }) => operations.length));
  if (written >= transactionLimits.items)
    throw invalidEffect(`the effects write ${written} items; a message can write ${transactionLimits.items - 1}`);
  if (bytes > transactionLimits.bytes)
    throw invalidEffect(`the effects have ${bytes} bytes; a transaction holds ${transactionLimits.bytes}`);
  return { index, entry, branches, items, bytes };
}

/**
 * Converts the decision of a business rule and its alternatives into DynamoDB writes. Throws `INVALID_EFFECT` if
 * DynamoDB could never accept one of the writes.
 */
export function toCandidate(index: number, entry: Entry, queue: string): Candidate {
  try {
    return compile(index, entry, queue);
  } catch (error) {
    const { code, message } = describeError(error);
    throw code === 'INVALID_EFFECT'
      ? error
      : invalidEffect(`the decision cannot be written: ${message}`, { cause: error });
  }
}
