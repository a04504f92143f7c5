import type { Envelope } from '../events/envelope.ts';
import type { FailedAttempt } from '../events/failed-attempts.ts';
import type { Identity } from '../events/identity.ts';
import type { Properties } from '../events/message.ts';
import type { MessageId } from '../events/message-id.ts';
import { isoTime, publishTimeOf } from '../events/publish-time.ts';
import { shortText } from '../runtime/short-text.ts';
import { groupOf } from './group.ts';

/** A dead letter in the archive, without the message itself. All times are ISO 8601. */
export interface DeadLetter {
  readonly id: string;
  readonly messageId?: MessageId;
  readonly type?: string;
  readonly correlationId?: string;
  /** The work queue in which the message failed. Absent if this queue is unknown. */
  readonly queue?: string;
  /**
   * The shard in which the message failed, if the work queue is sharded. A redrive returns the message to the same
   * shard.
   */
  readonly shard?: string;
  readonly code: string;
  readonly reason: string;
  /** The id of the group of dead letters with the same queue, code and cause. */
  readonly group: string;
  /** The AMQP property `app-id` of the message: the name of the program that published the message. */
  readonly client?: string;
  /** The parts of the message that AMQP cannot encode, with the reasons. Absent if no such parts are known. */
  readonly unwritable?: string;
  /** The error's stack frames in the service's own code, one per line, innermost first. */
  readonly frames?: string;
  /** The number of the last failed attempt to process the message. */
  readonly attempt: number;
  /**
   * The failed attempts since the message was published or last redriven, oldest first, without the most recent
   * attempt.
   */
  readonly failedAttempts?: readonly FailedAttempt[];
  /** How many times the message had already been redriven from the archive when it failed. */
  readonly redrives: number;
  /** When the message was published. Absent if the message does not contain this time. */
  readonly publishedAt?: string;
  readonly deadLetteredAt: string;
  readonly archivedAt: string;
  readonly traceparent?: string;
  readonly status: DeadLetterStatus;
  /** How many times the message was redriven after it was archived as this dead letter. */
  readonly timesRedriven: number;
  /**
   * The id of the edited message that replaces the message of this dead letter. Absent if no operator has edited the
   * message.
   */
  readonly supersededBy?: MessageId;
  /**
   * The id of the dead letter that an operator edited to create the failed message. Absent if the failed message was
   * not created by an edit.
   */
  readonly editedFrom?: string;
  readonly history: readonly ArchiveAction[];
  readonly payloadHash: string;
  readonly bodyBytes: number;
}

export const deadLetterStatuses = ['open', 'redriven', 'discarded', 'superseded'] as const;

export type DeadLetterStatus = (typeof deadLetterStatuses)[number];

/**
 * An action of an operator on a dead letter. `redrives` is the number of the redrive: 1 for the first redrive of a
 * message. `messageId` is the id of the edited message that replaces the dead letter.
 */
export type ArchiveAction =
  | ({ readonly action: 'redriven'; readonly redrives: number; readonly reason?: string } & ActionFacts)
  | ({ readonly action: 'discarded'; readonly reason: string } & ActionFacts)
  | ({ readonly action: 'superseded'; readonly reason: string; readonly messageId: MessageId } & ActionFacts);

interface ActionFacts {
  readonly at: string;
  /** The operator who acted on the dead letter: the subject of the operator's access token. */
  readonly by?: string;
}

export interface ArchivedMessage {
  readonly body: Buffer;
  readonly properties: Properties;
}

export type Origin = Pick<DeadLetter, 'id' | 'queue' | 'shard' | 'code' | 'reason' | 'frames' | 'deadLetteredAt'>;

/**
 * The maximum lengths, in characters, of the texts that describe a dead letter in the archive. Longer texts are cut
 * off.
 */
const MAX_TEXT_LENGTH = 500;
const MAX_CODE_LENGTH = 100;
const MAX_REASON_LENGTH = 1_000;
const MAX_UNWRITABLE_LENGTH = 1_000;
const MAX_FRAMES_LENGTH = 1_000;

interface FailedMessage extends ArchivedMessage {
  readonly id?: MessageId;
  readonly identity?: Identity;
  readonly envelope: Envelope;
  readonly payloadHash: string;
  readonly occurredAt?: string;
}

export function toDeadLetter(message: FailedMessage, origin: Origin, nowMs: number): DeadLetter {
  const { id: messageId, properties, envelope, payloadHash, body, identity } = message;
  return {
    id: origin.id,
    queue: text(origin.queue),
    shard: text(origin.shard),
    code: shortText(origin.code, MAX_CODE_LENGTH),
    reason: shortText(origin.reason, MAX_REASON_LENGTH),
    frames: origin.frames && shortText(origin.frames, MAX_FRAMES_LENGTH),
    group: groupOf(origin).group,
    editedFrom: text(envelope.editedFrom),
    client: text(properties.appId),
    deadLetteredAt: origin.deadLetteredAt,
    unwritable: envelope.leftOut && shortText(envelope.leftOut, MAX_UNWRITABLE_LENGTH),
    messageId,
    type: text(identity?.type ?? properties.type),
    correlationId: text(properties.correlationId),
    attempt: envelope.attempt,
    ...(envelope.failedAttempts?.length && { failedAttempts: envelope.failedAttempts }),
    redrives: envelope.redrives,
    publishedAt: isoTime(publishTimeOf(message)),
    archivedAt: new Date(nowMs).toISOString(),
    traceparent: text(envelope.traceparent),
    status: 'open',
    timesRedriven: 0,
    history: [],
    payloadHash,
    bodyBytes: body.length,
  };
}

/**
 * Converts the value of an AMQP property to text, because other systems may put values of any type into AMQP
 * properties.
 */
const text = (value: unknown) =>
  typeof value === 'string' && value !== '' ? shortText(value, MAX_TEXT_LENGTH) : undefined;
