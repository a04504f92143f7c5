import type { MessageId } from '../events/message-id.ts';
import { describeError } from '../runtime/errors.ts';
import { readJson } from '../runtime/json.ts';
import { shortText } from '../runtime/short-text.ts';
import type { Delivery } from './delivery.ts';
import type { Fault } from './identify.ts';
import { orderOf, type KeyOf, type Order } from './ordering-key.ts';
import { deadLetter, thrownError, type DeadLettered, type Outcome } from './outcome.ts';
import type { Rule } from './rule.ts';

/** A message of a batch, from its validation to its outcome. */
export type BatchMessage = ValidMessage | InvalidMessage | Copy | Result;

/** A valid message that still needs an outcome. */
export interface ValidMessage {
  readonly is: 'valid';
  readonly delivery: Delivery;
  readonly id: MessageId;
  readonly event: unknown;
  readonly rule: Rule;
  readonly order?: Order;
  /** Whether the inbox has a record of an earlier attempt of the message. */
  readonly hasMarker: boolean;
  /**
   * Whether the message has an expired lease, probably because an earlier process crashed while it ran the message's
   * `perform` function.
   */
  readonly isAbandoned: boolean;
}

/**
 * An invalid message, which no business rule can process. It becomes a dead letter, unless an earlier delivery of it
 * was completed or dead-lettered.
 */
export interface InvalidMessage {
  readonly is: 'invalid';
  readonly delivery: Delivery;
  readonly outcome: DeadLettered;
}

/**
 * Another copy of the message `of` in the same batch. The consumer processes only `of`, and derives the outcome of the
 * copy from the outcome of `of`.
 */
export interface Copy {
  readonly is: 'copy';
  readonly delivery: Delivery;
  readonly of: ValidMessage;
}

export interface Result {
  readonly is: 'result';
  readonly delivery: Delivery;
  readonly outcome: Outcome;
}

export const toResult = ({ delivery }: Pick<BatchMessage, 'delivery'>, outcome: Outcome): Result => ({
  is: 'result',
  delivery,
  outcome,
});

/**
 * Finds the business rule for a message and parses the message body. Without a rule, or with an invalid body, every
 * retry would fail, and the message is therefore dead-lettered immediately.
 */
export function validate(delivery: Delivery, rules: readonly Rule[], keyOf?: KeyOf): ValidMessage | InvalidMessage {
  const { id, fault } = delivery;
  if (fault) return invalid(delivery, fault);
  // Without an id, the inbox cannot tell whether the message was processed before.
  if (!id) return invalid(delivery, { code: 'MISSING_MESSAGE_ID' });
  try {
    const json = delivery.data ?? readJson(delivery.body, 'the body');
    if ('fault' in json) return invalid(delivery, { code: 'MALFORMED', message: json.fault });
    const rule = ruleFor(delivery, rules);
    if ('code' in rule) return invalid(delivery, rule);
    const { success, data, error } = rule.event.schema.safeParse(json.value);
    if (!success) return invalid(delivery, { code: 'SCHEMA_MISMATCH', message: describeIssues(error.issues) });
    const order = keyOf && orderOf(data, keyOf);
    return { is: 'valid', delivery, id, event: data, rule, order, hasMarker: false, isAbandoned: false };
  } catch (error) {
    // Code in a schema may throw; the same body would make it throw again.
    const message = `parsing the body failed: ${describeError(error).message}`;
    return invalid(delivery, { code: 'SCHEMA_MISMATCH', message });
  }
}

const invalid = (delivery: Delivery, { code, message, error }: Fault): InvalidMessage => ({
  is: 'invalid',
  delivery,
  outcome: { ...deadLetter(code, message, error === undefined ? undefined : thrownError(error)), origin: 'invalid' },
});

/**
 * Returns the business rule for the type and version of a message. A message without a version gets the first rule for
 * its type. A message without a type is accepted only if the consumer has a single rule.
 */
function ruleFor({ properties, envelope, identity }: Delivery, rules: readonly Rule[]): Rule | Fault {
  const type = identity?.type ?? properties.type;
  const ofType = type ? rules.filter(({ event }) => event.type === type) : rules.length === 1 ? rules : [];
  const [first] = ofType;
  if (!first) {
    const problem =
      type === undefined ? 'the message has no type' : `no rule for the type ${JSON.stringify(type.slice(0, 100))}`;
    return { code: 'UNKNOWN_TYPE', message: `${problem}; this consumer has rules for ${eventsOf(rules)}` };
  }
  const version = identity?.version ?? envelope.schemaVersion ?? first.event.version;
  const rule = ofType.find(({ event }) => event.version === version);
  if (rule) return rule;
  const message = `no rule for version ${version} of ${first.event.type}; this consumer has rules for ${eventsOf(rules)}`;
  return { code: 'SCHEMA_MISMATCH', message };
}

const eventsOf = (rules: readonly Rule[]) => rules.map(({ event }) => `${event.type} v${event.version}`).join(', ');

const MAX_ISSUES = 10;
const MAX_ISSUE_LENGTH = 300;

const describeIssues = (issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]) =>
  issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => {
      const place = `/${path.map(String).join('/')}`;
      return `${shortText(place, MAX_ISSUE_LENGTH)}: ${shortText(message, MAX_ISSUE_LENGTH)}`;
    })
    .join('; ');
