import { isUtf8 } from 'node:buffer';

import { describeError } from '../runtime/errors.ts';
import type { Decision } from '../inbox/decision.ts';
import type { StoredEvent } from '../inbox/inbox.ts';
import { parseJson } from '../runtime/json.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Delivery } from './delivery.ts';
import { deadLetter, type Outcome } from './outcome.ts';
import type { Rule } from './rule.ts';

/** One delivery on its way through the batch. Once it has an outcome, no later step decides about it again. */
export interface Work {
  readonly delivery: Delivery;
  outcome?: Outcome;
  /** Set where the message is not known already and the body fits the schema of a rule's event. */
  ready?: { readonly id: MessageId; readonly event: unknown; readonly rule: Rule };
  /** What `orderBy` gave, or why it gave nothing. */
  key?: string;
  keyError?: unknown;
  /** Another copy of the same message in this batch, whose outcome is this one's too. */
  twin?: Work;
  decision?: Decision;
  /** The store has a marker of an earlier attempt. */
  hasMarker?: boolean;
  /** Follow-up events to publish before this message counts as finished. */
  events?: readonly StoredEvent[];
}

/** Without an id nobody could tell whether a message was done before. */
export function newWork(delivery: Delivery): Work {
  const { fault } = delivery;
  if (fault) return { delivery, outcome: deadLetter(fault.code, fault.message) };
  return delivery.id ? { delivery } : { delivery, outcome: deadLetter('MISSING_MESSAGE_ID') };
}

/** Reads against the rules what is neither read yet nor over; what no retry can mend is a dead letter at first sight. */
export function admit(works: readonly Work[], rules: readonly Rule[]): void {
  for (const work of works) {
    if (work.outcome || work.ready) continue;
    try {
      admitOne(work, rules);
    } catch (error) {
      // A schema's own code may throw; the same body would make it throw again.
      work.outcome = deadLetter('SCHEMA_MISMATCH', `reading the body failed: ${describeError(error).message}`);
    }
  }
}

function admitOne(work: Work, rules: readonly Rule[]): void {
  const { delivery } = work;
  const json = readBody(delivery.body);
  if ('fault' in json) return void (work.outcome = deadLetter('MALFORMED', json.fault));
  const rule = ruleFor(delivery, rules);
  if ('fault' in rule) return void (work.outcome = deadLetter(rule.code, rule.fault));
  const parsed = rule.event.schema.safeParse(json.value);
  if (parsed.success) return void (work.ready = { id: delivery.id!, event: parsed.data, rule });
  const faults = parsed.error.issues
    .slice(0, 10)
    .map(({ path, message }) => `/${path.map(String).join('/')}: ${message}`);
  work.outcome = deadLetter('SCHEMA_MISMATCH', faults.join('; '));
}

function readBody(body: Buffer): { value: unknown } | { fault: string } {
  if (!isUtf8(body)) return { fault: 'the body is not UTF-8' };
  try {
    return { value: parseJson(body.toString()) };
  } catch {
    return { fault: 'the body is not JSON' };
  }
}

/** The rule for the delivery's type and version; a publisher that names no type can only mean the queue's one event. */
function ruleFor({ properties, envelope }: Delivery, rules: readonly Rule[]): Rule | Unknown {
  const known = rules.map(({ event }) => `${event.type} v${event.version}`).join(', ');
  const rule = properties.type
    ? rules.find(({ event }) => event.type === properties.type)
    : rules.length === 1
      ? rules[0]
      : undefined;
  if (!rule) {
    const named =
      properties.type === undefined ? 'the message names no type' : `the type ${quoted(properties.type)} has no rule`;
    return { code: 'UNKNOWN_TYPE', fault: `${named}; this consumer has rules for ${known}` };
  }
  const version = envelope.schemaVersion ?? rule.event.version;
  if (version === rule.event.version) return rule;
  const fault = `version ${version} of ${rule.event.type} has no rule; this consumer has rules for ${known}`;
  return { code: 'SCHEMA_MISMATCH', fault };
}

/** Why no rule is for a message. */
interface Unknown {
  readonly code: 'UNKNOWN_TYPE' | 'SCHEMA_MISMATCH';
  readonly fault: string;
}

const quoted = (text: string) => JSON.stringify(text.slice(0, 100));

/**
 * Of several copies of one message in a batch the one furthest on is worked on: an original that comes again beside its own
 * retry copy was placed already, and dropping both would lose the message. Another body under the same id is a dead letter.
 */
export function pairTwins(works: readonly Work[]): void {
  const chosen = new Map<MessageId, ReadyWork>();
  for (const work of open(works)) {
    const other = chosen.get(work.ready.id);
    if (other && other.delivery.payloadHash !== work.delivery.payloadHash) {
      work.outcome = deadLetter('PAYLOAD_MISMATCH');
    } else if (!other || isAhead(work, other)) {
      if (other) other.twin = work;
      chosen.set(work.ready.id, work);
    } else work.twin = other;
  }
}

const isAhead = ({ delivery: { envelope: one } }: Work, { delivery: { envelope: other } }: Work) =>
  one.redrives > other.redrives || (one.redrives === other.redrives && one.attempt > other.attempt);

/** A copy is a duplicate of the one that was worked on; where that one comes back, so does the copy. */
export function followTwins(works: readonly Work[]): void {
  for (const work of works) {
    if (!work.twin) continue;
    const { outcome } = chosenOf(work);
    work.outcome = outcome?.is === 'unfinished' ? outcome : { is: 'duplicate' };
  }
}

const chosenOf = (work: Work): Work => (work.twin ? chosenOf(work.twin) : work);

/** The works that still need an outcome. */
export const open = (works: readonly Work[]) => works.filter((work): work is ReadyWork => !work.outcome && !work.twin);

export type ReadyWork = Work & { readonly ready: NonNullable<Work['ready']> };

export type KeyedWork = ReadyWork & { readonly key: string };
