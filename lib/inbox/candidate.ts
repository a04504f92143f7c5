import type { Effect } from '../dynamodb/effects.ts';
import { invalidEffect } from '../dynamodb/item.ts';
import { deriveId } from '../events/message-id.ts';
import { describeError } from '../runtime/errors.ts';
import { kindOf } from '../runtime/kind-of.ts';
import { shortText } from '../runtime/short-text.ts';
import { accessesOf, OWN, type Access } from './access.ts';
import type { Decision, FollowUp } from './decision.ts';
import { bytesOfFacts } from './facts.ts';
import type { CommitResult, Entry, StoredEvent } from './inbox.ts';
import { markerItemId } from './marker.ts';
import { addOperation, operationBytes, type Operation } from '../dynamodb/operation.ts';

/**
 * One way to finish a message: the decision of its business rule, or the `otherwise` decision for a failed condition.
 */
export interface Branch {
  readonly state: 'completed' | 'rejected';
  readonly reason?: string;
  readonly operations: readonly Operation[];
  readonly followUps: readonly ReadyEvent[];
}

/** A follow-up event whose data is already JSON text. */
interface ReadyEvent extends Omit<StoredEvent, 'id' | 'data'> {
  readonly json: string;
}

/** A message whose business rule has decided on effects that are not committed yet. */
export interface Candidate {
  readonly entry: Entry;
  /**
   * The decision of the business rule, followed by its `otherwise` decisions in the order in which the commit tries
   * them.
   */
  readonly branches: readonly [Branch, ...Branch[]];
  /** How the message uses each DynamoDB item that it may write or check, including its inbox marker, by item id. */
  readonly items: ReadonlyMap<string, Access>;
  /** The maximum number of bytes that the message can add to a transaction. */
  readonly bytes: number;
}

type Failed = Extract<CommitResult, { is: 'failed' }>;

/**
 * The limits of a transaction. DynamoDB accepts at most 100 items and 4 MiB; our byte limit is lower, because item
 * sizes are estimated.
 */
export const transactionLimits = { items: 100, bytes: 4_000_000 } as const;

const MAX_EVENTS_BYTES = 300 * 1024;
const MAX_REASON_BYTES = 4_096;
/**
 * The maximum number of decisions for one message: the decision of the business rule, and all of its `otherwise`
 * decisions.
 */
const MAX_BRANCHES = 100;
const EVENT_BYTES = 120;
const MARKER_BYTES = 800;
const EFFECT_BYTES = 10;

export const storedEvents = (queue: string, { id }: Entry, { followUps }: Branch): StoredEvent[] =>
  followUps.map(({ json, ...event }, index) => ({
    id: deriveId(queue, id, event.type, String(index)),
    data: JSON.parse(json) as unknown,
    ...event,
  }));

/**
 * Checks the value that a business rule returned, because the business rule may be written in JavaScript without types.
 * Throws `INVALID_EFFECT` if the type of a property is wrong.
 */
function toBranch(decision: Decision): Branch {
  if (typeof decision !== 'object' || decision === null)
    throw invalidEffect(`the alternative is ${kindOf(decision)} instead of a decision`);
  const { effects, events = [], outcome: state = 'completed', reason } = decision;
  if (state !== 'completed' && state !== 'rejected')
    throw invalidEffect(`the outcome is ${show(state)}: it must be "completed" or "rejected"`);
  if (reason !== undefined && typeof reason !== 'string')
    throw invalidEffect(`the reason is ${kindOf(reason)}: it must be a string`);
  if (!Array.isArray(effects)) throw invalidEffect(`the effects are ${kindOf(effects)}: they must be an array`);
  if (!Array.isArray(events)) throw invalidEffect(`the events are ${kindOf(events)}: they must be an array`);
  const operations = new Map<string, Operation>();
  for (const effect of effects as readonly Effect[]) addOperation(effect, operations);
  const followUps: ReadyEvent[] = [];
  for (const event of events as readonly FollowUp[]) followUps.push(toReadyEvent(event));
  return { state, reason, operations: [...operations.values()], followUps };
}

/**
 * Converts a follow-up event to JSON and calculates its key. Both happen before the commit, so that an error can
 * dead-letter the message. An error after the commit would recur at each redelivery.
 */
function toReadyEvent({ event, data }: FollowUp): ReadyEvent {
  const { type, version, exchange } = event;
  if (typeof type !== 'string' || type === '' || typeof exchange !== 'string')
    throw invalidEffect(`a follow-up event has the type ${show(type)} and the exchange ${show(exchange)}`);
  if (!Number.isSafeInteger(version) || version < 0)
    throw invalidEffect(`the follow-up event ${shortText(type, MAX_SHOWN)} has the version ${show(version)}`);
  const shardKey: unknown = event.key?.(data);
  if (shardKey !== undefined && typeof shardKey !== 'string')
    throw invalidEffect(
      `the key of the follow-up event ${shortText(type, MAX_SHOWN)} is ${kindOf(shardKey)}, not a string`,
    );
  const json = JSON.stringify(data) as string | undefined;
  if (json === undefined) throw invalidEffect(`the follow-up event ${shortText(type, MAX_SHOWN)} has no data`);
  return { type, version, exchange, json, ...(shardKey !== undefined && { shardKey }) };
}

const MAX_SHOWN = 100;

const show = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value).slice(0, MAX_SHOWN) : kindOf(value);

function bytesOf({ followUps, reason = '', operations }: Branch): number {
  let eventBytes = 0;
  for (const { type, exchange, json, shardKey = '' } of followUps)
    eventBytes += EVENT_BYTES + Buffer.byteLength(type + exchange + json + shardKey);
  if (eventBytes > MAX_EVENTS_BYTES)
    throw invalidEffect(
      `the follow-up events have ${eventBytes} bytes; an inbox marker stores at most ${MAX_EVENTS_BYTES}`,
    );
  const reasonBytes = Buffer.byteLength(reason);
  if (reasonBytes > MAX_REASON_BYTES)
    throw invalidEffect(`the reason has ${reasonBytes} bytes; an inbox marker stores at most ${MAX_REASON_BYTES}`);
  let bytes = MARKER_BYTES + eventBytes + reasonBytes;
  for (const operation of operations) bytes += operationBytes(operation);
  return bytes;
}

const bytesForOperators = ({ facts }: Entry, branches: readonly Branch[]): number =>
  bytesOfFacts(facts) +
  Math.max(
    ...branches.map(({ operations }) => operations.reduce((sum, { table }) => sum + EFFECT_BYTES + table.length, 0)),
  );

function compile(entry: Entry, queue: string): Candidate {
  const { id, decision } = entry;
  const branches: [Branch, ...Branch[]] = [toBranch(decision)];
  for (let next = decision.otherwise; next !== undefined; next = next.otherwise) {
    branches.push(toBranch(next));
    if (branches.length > MAX_BRANCHES)
      throw invalidEffect(`the decision has more than ${MAX_BRANCHES - 1} alternatives, or contains itself`);
  }
  const items = accessesOf(branches).set(markerItemId(queue, id), OWN);
  const bytes = Math.max(...branches.map(bytesOf));
  const written = Math.max(...branches.map(({ operations }) => operations.length));
  if (written >= transactionLimits.items)
    throw invalidEffect(
      `the effects write ${written} items; a message can write at most ${transactionLimits.items - 1}`,
    );
  if (bytes > transactionLimits.bytes)
    throw invalidEffect(`the effects have ${bytes} bytes; a transaction can have at most ${transactionLimits.bytes}`);
  // These bytes do not count towards the limit of a single message. They fit into the part of DynamoDB's limit that our limit
  // leaves free.
  return { entry, branches, items, bytes: bytes + bytesForOperators(entry, branches) };
}

/**
 * Converts the decision of a business rule, including its `otherwise` decisions, to DynamoDB writes. The message fails
 * with `INVALID_EFFECT` if DynamoDB could never accept one of the writes.
 */
export function toCandidate(entry: Entry, queue: string): Candidate | Failed {
  try {
    return compile(entry, queue);
  } catch (thrown) {
    const { code, message } = describeError(thrown);
    const error =
      code === 'INVALID_EFFECT'
        ? (thrown as Error)
        : invalidEffect(`the decision cannot be written: ${message}`, { cause: thrown });
    return { is: 'failed', error };
  }
}
