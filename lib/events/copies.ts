import { writeFailedAttempts, type FailedAttempt } from './failed-attempts.ts';
import { headerNames, identityHeaders, readEnvelope, type DeadLetterNote } from './envelope.ts';
import type { Identity } from './identity.ts';
import type { Headers, Message, Properties } from './message.ts';
import type { MessageId } from './message-id.ts';
import { shortKey } from './publish.ts';
import { shortText } from '../runtime/short-text.ts';

export interface CopySource extends Pick<Message, 'body' | 'properties'> {
  /**
   * The id, type and version to write into the headers of the copy. Absent if the AMQP properties identify the message.
   */
  readonly identity?: Identity;
}

/**
 * Adds the id, type and version of a message to its headers, so that every copy of the message is identified in the
 * same way. Adds nothing if the message is already identified by its AMQP properties.
 */
export const withIdentity = ({ body, properties, identity }: CopySource): Pick<Message, 'body' | 'properties'> => ({
  body,
  properties: { ...properties, headers: { ...properties.headers, ...identityHeaders(identity) } },
});

/**
 * Creates the copy of a message for a retry. The exchange `tierExchange` routes the copy to a delay queue, which passes
 * it on to the queue `shard` after the delay.
 */
export const retryCopy = (
  message: CopySource,
  shard: string,
  tierExchange: string,
  attempt: number,
  failedAttempts?: readonly FailedAttempt[],
): Message => ({
  exchange: tierExchange,
  routingKey: shard,
  body: message.body,
  properties: withHeaders(message.properties, {
    ...identityHeaders(message.identity),
    [headerNames.attempt]: attempt,
    ...(failedAttempts && { [headerNames.failedAttempts]: writeFailedAttempts(failedAttempts) }),
  }),
});

/**
 * Creates the copy of a postponed message. The copy has the same attempt number as the message, because the business rule
 * did not run.
 */
export function postponedCopy(message: CopySource, shard: string, tierExchange: string, attempt: number): Message {
  const copy = retryCopy(message, shard, tierExchange, attempt);
  return { ...copy, properties: withHeaders(copy.properties, { [headerNames.postponed]: true }) };
}

/**
 * Creates the copy of a message for the dead-letter exchange. `leftOut` says which parts of the message the copy lacks, and
 * why.
 */
export const deadLetterCopy = (
  message: CopySource,
  exchange: string,
  note: DeadLetterNote,
  leftOut?: string,
): Message => ({
  exchange,
  routingKey: shortName(note.queue),
  body: message.body,
  properties: withHeaders(message.properties, {
    ...identityHeaders(message.identity),
    ...headersOf(note),
    ...(leftOut && { [headerNames.leftOut]: leftOut }),
  }),
});

/**
 * Creates the smallest possible dead letter, with only the id, the body and the reason, in case the broker refuses a
 * larger one.
 */
export function bareDeadLetter(
  { body, properties: { messageId, headers }, identity }: CopySource,
  exchange: string,
  note: DeadLetterNote,
  leftOut: string,
): Message {
  const { attempt, redrives, editedFrom } = readEnvelope(headers);
  return {
    exchange,
    routingKey: shortName(note.queue),
    body,
    properties: {
      messageId,
      headers: {
        ...identityHeaders(identity),
        ...headersOf({ ...note, reason: shortText(note.reason, 300), frames: undefined }),
        [headerNames.attempt]: attempt,
        [headerNames.redrives]: redrives,
        ...(editedFrom !== undefined && { [headerNames.editedFrom]: shortText(editedFrom, 300) }),
        [headerNames.leftOut]: shortText(leftOut, 300),
      },
    },
  };
}

/**
 * Creates the copy of an archived message that a redrive publishes, with the attempt number 1. If `identifyAgain` is true, the consumer determines the id and the type of the message again.
 */
export function redrivenCopy(
  message: Pick<Message, 'body' | 'properties'>,
  { exchange, routingKey }: Pick<Message, 'exchange' | 'routingKey'>,
  { redrives, at, identifyAgain }: { readonly redrives: number; readonly at: string; readonly identifyAgain?: boolean },
): Message {
  const kept = Object.entries(message.properties.headers).filter(
    ([name]) =>
      !name.startsWith('surehop-dead-letter') &&
      name !== headerNames.failedAttempts &&
      !(identifyAgain === true && name.startsWith('surehop-identified-')),
  );
  const properties = { ...message.properties, headers: Object.fromEntries(kept) };
  return {
    exchange,
    routingKey,
    body: message.body,
    properties: withHeaders(properties, {
      [headerNames.attempt]: 1,
      [headerNames.redrives]: redrives,
      [headerNames.redrivenAt]: at,
    }),
  };
}

/**
 * An operator's edit of an archived message: the id and the publish time of the edited message, and everything that the
 * operator changed.
 */
interface Edit {
  readonly id: MessageId;
  readonly body: Buffer;
  /**
   * The event type that the operator requested. If absent, the consumer determines the type from the edited message.
   */
  readonly type?: string;
  readonly version?: number;
  /** The key that decides which shard of a queue receives the edited message. */
  readonly key?: string;
  readonly editedFrom: string;
  readonly atMs: number;
}

/**
 * Returns whether an edited message omits the header `name` of the archived message. Edited messages omit headers that
 * identify the archived message or record its failures.
 */
const notEdited = (name: string) =>
  name.startsWith('surehop-dead-letter') ||
  name.startsWith('surehop-identified-') ||
  (
    [
      headerNames.attempt,
      headerNames.failedAttempts,
      headerNames.redrives,
      headerNames.redrivenAt,
      headerNames.leftOut,
    ] as string[]
  ).includes(name);

/**
 * Creates an edited message from an archived message: with a new body and id, and otherwise the same headers and
 * properties. Consumers treat the edited message as newly published: its attempts and its age are counted from the
 * edit.
 */
export function editedMessage(
  { properties }: Pick<Message, 'properties'>,
  { exchange, routingKey }: Pick<Message, 'exchange' | 'routingKey'>,
  { id, body, type, version, key, editedFrom, atMs }: Edit,
): Message {
  const kept = Object.entries(properties.headers).filter(([name]) => !notEdited(name));
  return {
    exchange,
    routingKey,
    body,
    properties: {
      ...withHeaders(
        { ...properties, headers: Object.fromEntries(kept) },
        {
          // The consumer reads the identity in the headers first, and therefore finds the new id in every kind of message.
          ...identityHeaders({ id, type, version }),
          ...(version !== undefined && { [headerNames.schemaVersion]: version }),
          ...(key !== undefined && { [headerNames.key]: shortKey(key) }),
          [headerNames.publishedAt]: new Date(atMs).toISOString(),
          [headerNames.editedFrom]: editedFrom,
        },
      ),
      messageId: id,
      ...(type !== undefined && { type }),
      timestamp: Math.floor(atMs / 1_000),
    },
  };
}

const MAX_REASON_LENGTH = 1_000;
const MAX_CODE_LENGTH = 100;
const MAX_FRAMES_LENGTH = 1_000;

const headersOf = ({ id, code, reason, frames, queue, at }: DeadLetterNote): Headers => ({
  [headerNames.deadLetterId]: id,
  [headerNames.deadLetterCode]: shortText(code, MAX_CODE_LENGTH),
  [headerNames.deadLetterReason]: shortText(reason, MAX_REASON_LENGTH),
  ...(frames?.length && { [headerNames.deadLetterFrames]: shortText(frames.join('\n'), MAX_FRAMES_LENGTH) }),
  [headerNames.deadLetterQueue]: shortName(queue),
  [headerNames.deadLetteredAt]: at,
});

const shortName = (name: string) => (Buffer.byteLength(name) <= 255 ? name : shortText(name, 80));

/** Whether a header must not be copied, for example because only the broker may write it. */
const notCopied = (name: string) =>
  name === headerNames.postponed ||
  name === 'CC' ||
  name === 'BCC' ||
  name === 'x-delivery-count' ||
  name === 'x-acquired-count' ||
  /^x-(first-|last-)?death/.test(name);

const withHeaders = (properties: Properties, added: Headers): Properties => ({
  ...properties,
  headers: {
    ...Object.fromEntries(Object.entries(properties.headers).filter(([name]) => !notCopied(name))),
    ...added,
  },
});
