import { hash, randomUUID } from 'node:crypto';

import { TransactWriteItemsCommand, type TransactWriteItem } from '@aws-sdk/client-dynamodb';

import type { ArchivedMessage, DeadLetter } from '../archive/dead-letter.ts';
import { readFailure, toStoreError } from '../dynamodb/failure.ts';
import { backOff, defaultRetryPolicy } from '../dynamodb/retry-policy.ts';
import { editedMessage } from '../events/copies.ts';
import type { EventDefinition } from '../events/define.ts';
import { KEY_HEADER } from '../events/envelope.ts';
import { deriveId, type MessageId } from '../events/message-id.ts';
import { shortKey } from '../events/publish.ts';
import { Problem } from '../http/problem.ts';
import { supersede, type Supersession } from '../inbox/supersede.ts';
import type { InboxTable } from '../inbox/table.ts';
import { unwritableParts } from '../rabbitmq/encode-message.ts';
import { describeParts, withoutParts } from '../rabbitmq/unwritable.ts';
import { describeError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import { checkAnswer } from './answers.ts';
import { checkBody, type BodyCheck, type Kind } from './check-body.ts';
import { editedKind } from './edited-kind.ts';
import { pendingWrites, readEdited, type EditedMessage } from './edited-message.ts';
import { addressOfEdited, publishEdited } from './publish-edited.ts';
import { readDeadLetter } from './read.ts';
import { supersededWrite } from './record-action.ts';
import { redriveRefusal, refusalProblem } from './redrive-refusal.ts';
import { redriveRules, type Redriving } from './redrive.ts';

export interface Editing extends Redriving {
  readonly inbox: Pick<InboxTable, 'client' | 'name' | 'clock'>;
  /** The event definitions whose schemas validate the bodies of edited messages. */
  readonly events: readonly EventDefinition<unknown>[];
}

interface EditOrder {
  readonly body: Buffer;
  /**
   * The type that the operator gives to the edited message. If absent, the consumer determines the type from the edited
   * message, as for any other message.
   */
  readonly type?: string;
  readonly version?: number;
  /**
   * Whether to edit the message despite warnings: the message may be too old, or AMQP cannot encode all of its headers
   * and properties.
   */
  readonly force: boolean;
}

/**
 * The largest body of an edited message, in bytes. The limit makes the whole message fit into one DynamoDB transaction.
 */
const MAX_EDITED_BYTES = 262_144;

/** The maximum number of times that the DynamoDB transaction of an edit is sent if it conflicts with other writes. */
const MAX_TRANSACTIONS = 5;

interface Read {
  readonly deadLetter: DeadLetter;
  readonly message: ArchivedMessage;
  /** The type and version to write into the headers of the edited message. */
  readonly stated: Kind;
  readonly check: BodyCheck;
  /** The id of the edited message. The same edit of the same dead letter always has the same id. */
  readonly messageId: MessageId;
  /** Whether an earlier request has made the same edit. */
  readonly isRepeated: boolean;
}

/**
 * Reads the dead letter to edit, and checks the edited body against the schema of the event. Throws a `Problem` if the
 * dead letter may not be edited.
 */
export async function readForEdit(editing: Editing, id: string, order: EditOrder): Promise<Read> {
  const { body, type, version, force } = order;
  if (body.length > MAX_EDITED_BYTES)
    throw new Problem(
      'body-too-large',
      `The edited body has ${body.length} bytes; at most ${MAX_EDITED_BYTES} are allowed.`,
      {
        members: { maxBodyBytes: MAX_EDITED_BYTES },
      },
    );
  const { deadLetter, message } = await readDeadLetter(editing.table, id);
  const messageId = deriveId('edit', id, hash('sha256', body), type ?? '', String(version ?? ''));
  const isRepeated = deadLetter.supersededBy === messageId;
  if (!isRepeated) refuseUnlessOpen(editing, deadLetter, force);
  const { checked, stated } = editedKind(message, body, { type, version });
  const check = checkBody({ body, properties: message.properties }, checked, editing.events);
  return { deadLetter, message, stated, check, messageId, isRepeated };
}

const alreadyRedriven = () =>
  new Problem(
    'already-redriven',
    'A copy of this message was published; if the copy fails, it becomes a new dead letter, which can be edited.',
  );

function refuseUnlessOpen(editing: Editing, deadLetter: DeadLetter, force: boolean): void {
  // After a redrive, the copy may be in a queue. If the copy fails, the operator can edit its new dead letter.
  if (deadLetter.status === 'redriven') throw alreadyRedriven();
  const rules = redriveRules(editing, force);
  const refusal = redriveRefusal({ ...deadLetter, unwritable: undefined }, rules);
  if (refusal) throw refusalProblem(refusal, deadLetter);
}

/**
 * Replaces the message of a dead letter by an edited message: stores the edited message, and then publishes it. If
 * publishing fails, returns the error, and the scheduled function publishes the edited message later.
 */
export async function carryOut(
  editing: Editing,
  read: Read,
  order: EditOrder,
  { by, reason, audit }: { readonly by: string; readonly reason: string; readonly audit: TransactWriteItem },
): Promise<{ readonly isStored: boolean; readonly error?: Error }> {
  const { deadLetter, check, messageId, isRepeated } = read;
  if (isRepeated) return { isStored: false, error: await publishAgain(editing, messageId) };
  if (check.faults.length > 0)
    throw new Problem('invalid-message', 'The consumer would dead-letter this message again; correct its body.', {
      members: checkAnswer(check),
    });
  const { edited, message } = editedOf(editing, read, order);
  const action = { action: 'superseded', at: edited.at, by, reason, messageId } as const;
  const writes = [
    supersededWrite(editing.table, deadLetter.id, action),
    ...pendingWrites(editing.table, edited, message),
    audit,
  ];
  if ((await store(editing, read, writes)) === 'repeated')
    return { isStored: false, error: await publishAgain(editing, messageId) };
  log().info('dead letter edited', { deadLetterId: deadLetter.id, messageId, queue: edited.queue });
  // If the process dies here, `publishPending` publishes the edited message.
  return { isStored: true, error: await publishStored(editing, { ...edited, status: 'pending' }, message) };
}

function editedOf(
  editing: Editing,
  { deadLetter, message, stated, check, messageId }: Read,
  { body, force }: EditOrder,
): { readonly edited: Omit<EditedMessage, 'status'>; readonly message: ArchivedMessage } {
  const { id, queue = '', shard = queue } = deadLetter;
  const nowMs = editing.clock.now();
  const key = check.event && check.data !== undefined ? check.event.key?.(check.data) : undefined;
  const isMoved = key !== undefined && shortKey(key) !== message.properties.headers[KEY_HEADER];
  const edited = {
    messageId,
    deadLetterId: id,
    queue,
    shard: isMoved ? undefined : shard,
    at: new Date(nowMs).toISOString(),
  };
  const created = editedMessage(message, addressOfEdited(edited, editing), {
    ...stated,
    id: messageId,
    body,
    key,
    editedFrom: id,
    atMs: nowMs,
  });
  const unwritable = unwritableParts(created);
  if (unwritable.length > 0 && !force)
    throw new Problem('unwritable', 'AMQP cannot encode the edited message; send {"force": true} to leave parts out.', {
      members: { unwritable: describeParts(unwritable) },
    });
  const { properties } = withoutParts(created, unwritable);
  return { edited, message: { body, properties } };
}

/**
 * Sends the transaction of an edit. Returns `repeated` if another request has already made the same edit, and throws a
 * problem if the dead letter can no longer be edited.
 */
async function store(
  { table, inbox, inboxSettings }: Editing,
  { deadLetter, messageId: by }: Read,
  writes: readonly TransactWriteItem[],
): Promise<'stored' | 'repeated'> {
  const { id, queue = '', messageId, payloadHash } = deadLetter;
  const message = messageId && {
    queue,
    id: messageId,
    payloadHash,
    by,
    retentionDays: Math.max(table.retentionDays, inboxSettings.INBOX_RETENTION_DAYS),
  };
  for (let count = 1; ; count += 1) {
    // The inbox cannot recognize the copies of a message without an id.
    const original: Supersession = message ? await supersede(inbox, message) : { is: 'possible' };
    let conflict: unknown;
    if (original.is === 'possible')
      try {
        const items = original.write ? [...writes, original.write] : [...writes];
        const transaction = { TransactItems: items, ClientRequestToken: randomUUID() };
        await table.client.send(new TransactWriteItemsCommand(transaction));
        return 'stored';
      } catch (error) {
        if (readFailure(error).is !== 'cancelled') throw toStoreError(error);
        conflict = error;
      }
    const { deadLetter: now } = await readDeadLetter(table, id);
    if (now.supersededBy === by) return 'repeated';
    if (now.status === 'redriven') throw alreadyRedriven();
    if (now.status !== 'open') throw refusalProblem(`already-${now.status}`, now);
    if (original.is === 'processed')
      throw new Problem('already-processed', 'Another copy of the message was completed or rejected before.');
    if (original.is === 'unreadable') throw new Problem('unreadable-marker', describeError(original.error).message);
    if (original.is === 'busy')
      throw new Problem(
        'being-processed',
        'A consumer is processing another copy of the message, or another message with the same id.',
      );
    if (count === MAX_TRANSACTIONS) throw toStoreError(conflict);
    await backOff(count, defaultRetryPolicy);
  }
}

/** Publishes an edited message that an earlier request stored but did not publish. */
async function publishAgain(editing: Editing, messageId: MessageId): Promise<Error | undefined> {
  const stored = await readEdited(editing.table, messageId);
  if (stored?.edited.status !== 'pending') return undefined;
  return publishStored(editing, stored.edited, stored.message);
}

/**
 * Publishes an edited message that is stored in the archive. Returns an error instead of throwing it, because a
 * scheduled function publishes the message again later.
 */
async function publishStored(
  editing: Editing,
  edited: EditedMessage,
  message: ArchivedMessage,
): Promise<Error | undefined> {
  try {
    return await publishEdited(editing, edited, message);
  } catch (error) {
    log().warn('could not record in the archive whether an edited message was published', {
      deadLetterId: edited.deadLetterId,
      messageId: edited.messageId,
      ...errorFields(error),
    });
    return error as Error;
  }
}
