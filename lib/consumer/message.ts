import { isUtf8 } from 'node:buffer';

import type { MessageId } from '../events/message-id.ts';
import { orderOf, type KeyOf, type Order } from '../ordering/sequences.ts';
import { describeError, type errorCodes } from '../runtime/errors.ts';
import { parseJson } from '../runtime/json.ts';
import type { Delivery } from './delivery.ts';
import { deadLetter, type DeadLettered, type Outcome } from './outcome.ts';
import type { Rule } from './rule.ts';

/** A delivered message in one of its processing stages. */
export type Message = Candidate | Invalid | Copy | Result;

/** A valid message that still needs an outcome. */
export interface Candidate {
  readonly is: 'candidate';
  readonly delivery: Delivery;
  readonly id: MessageId;
  readonly event: unknown;
  readonly rule: Rule;
  /** The ordering key, if the consumer processes messages in order per key. */
  readonly order?: Order;
  /** Whether the inbox has a record of an earlier attempt of the message. */
  readonly hasMarker: boolean;
}

/**
 * An invalid message, which no business rule can process. The message becomes a dead letter, unless an earlier delivery
 * of the same message was completed or dead-lettered.
 */
export interface Invalid {
  readonly is: 'invalid';
  readonly delivery: Delivery;
  readonly outcome: DeadLettered;
}

/**
 * Another copy of a message in the same batch, which is not processed itself. Its outcome follows from the outcome of
 * the copy that is processed.
 */
export interface Copy {
  readonly is: 'copy';
  readonly delivery: Delivery;
  readonly of: Candidate;
}

export interface Result {
  readonly is: 'result';
  readonly delivery: Delivery;
  readonly outcome: Outcome;
}

export const toResult = ({ delivery }: Pick<Message, 'delivery'>, outcome: Outcome): Result => ({
  is: 'result',
  delivery,
  outcome,
});

/**
 * Finds the business rule for a message and parses the message body. A message without a rule or with an invalid body
 * would fail at every retry, and is therefore dead-lettered at once.
 */
export function validate(delivery: Delivery, rules: readonly Rule[], keyOf?: KeyOf): Candidate | Invalid {
  const { id, fault } = delivery;
  if (fault) return invalid(delivery, fault);
  // Without an id, the inbox cannot tell whether the message was processed before.
  if (!id) return invalid(delivery, { code: 'MISSING_MESSAGE_ID' });
  try {
    const json = readBody(delivery.body);
    if ('code' in json) return invalid(delivery, json);
    const rule = ruleFor(delivery, rules);
    if ('code' in rule) return invalid(delivery, rule);
    const { success, data, error } = rule.event.schema.safeParse(json.value);
    if (!success) return invalid(delivery, { code: 'SCHEMA_MISMATCH', message: describeIssues(error.issues) });
    const order = keyOf && orderOf(data, keyOf);
    return { is: 'candidate', delivery, id, event: data, rule, order, hasMarker: false };
  } catch (error) {
    // Code in a schema may throw; the same body would make it throw again.
    const message = `parsing the body failed: ${describeError(error).message}`;
    return invalid(delivery, { code: 'SCHEMA_MISMATCH', message });
  }
}

interface Fault {
  readonly code: keyof typeof errorCodes;
  readonly message?: string;
}

const invalid = (delivery: Delivery, { code, message }: Fault): Invalid => ({
  is: 'invalid',
  delivery,
  outcome: { ...deadLetter(code, message), isInvalid: true },
});

function readBody(body: Buffer): { readonly value: unknown } | Fault {
  if (!isUtf8(body)) return { code: 'MALFORMED', message: 'the body is not UTF-8' };
  try {
    return { value: parseJson(body.toString()) };
  } catch {
    return { code: 'MALFORMED', message: 'the body is not JSON' };
  }
}

/**
 * Returns the business rule for the type and version of a message. A message without a type is accepted only if the
 * consumer has a single rule.
 */
function ruleFor({ properties, envelope }: Delivery, rules: readonly Rule[]): Rule | Fault {
  const known = rules.map(({ event }) => `${event.type} v${event.version}`).join(', ');
  const rule = properties.type
    ? rules.find(({ event }) => event.type === properties.type)
    : rules.length === 1
      ? rules[0]
      : undefined;
  if (!rule) {
    const problem =
      properties.type === undefined
        ? 'the message has no type'
        : `no rule for the type ${JSON.stringify(properties.type.slice(0, 100))}`;
    return { code: 'UNKNOWN_TYPE', message: `${problem}; this consumer has rules for ${known}` };
  }
  const version = envelope.schemaVersion ?? rule.event.version;
  if (version === rule.event.version) return rule;
  const message = `no rule for version ${version} of ${rule.event.type}; this consumer has rules for ${known}`;
  return { code: 'SCHEMA_MISMATCH', message };
}

const describeIssues = (issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]) =>
  issues
    .slice(0, 10)
    .map(({ path, message }) => `/${path.map(String).join('/')}: ${message}`)
    .join('; ');
