import pMap from 'p-map';

import { redrivenCopy } from '../events/copies.ts';
import { publishCopies } from '../events/publish-copies.ts';
import { spanOf } from '../events/trace.ts';
import { Problem } from '../http/problem.ts';
import { unwritableParts } from '../rabbitmq/encode-message.ts';
import { withoutParts } from '../rabbitmq/unwritable.ts';
import type { Publisher } from '../events/publish.ts';
import { addressOfShard } from '../rabbitmq/topology/shards.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Clock } from '../runtime/clock.ts';
import { rememberedSinceMs, type InboxSettings } from '../inbox/settings.ts';
import { isOfMessage, PublishError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import { errorFields } from '../runtime/stack.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { ArchivedMessage, DeadLetter } from '../archive/dead-letter.ts';
import { readDeadLetter } from './read.ts';
import { recordRedrive, recordUnwritable } from '../archive/record-action.ts';
import type { ArchiveTable } from '../archive/record.ts';
import { isAlreadyRedriven, redriveRefusal, refusalProblem } from './redrive-refusal.ts';

export interface Redriving {
  readonly table: ArchiveTable;
  readonly queues: readonly WorkQueue[];
  readonly publisher: () => Publisher;
  readonly clock: Clock;
  readonly inboxSettings: InboxSettings;
  readonly tracing?: Tracing;
}

const CONCURRENCY = 16;

/**
 * How many messages, and how many bytes of messages, are redriven together at most. Only the messages that are redriven
 * together are in memory at the same time.
 */
export const CHUNK = 50;
const CHUNK_BYTES = 16_000_000;

/**
 * Returns how many dead letters at the start of the list are redriven together: as many as the limits on the number and
 * the bytes of messages allow, but at least one.
 */
export function chunkLength(deadLetters: readonly Pick<DeadLetter, 'bodyBytes'>[]): number {
  let bytes = 0;
  const end = deadLetters.slice(0, CHUNK).findIndex(({ bodyBytes }) => (bytes += bodyBytes) > CHUNK_BYTES);
  return end === -1 ? Math.min(deadLetters.length, CHUNK) : Math.max(end, 1);
}

export const rememberedSince = ({ inboxSettings, clock }: Redriving): number =>
  rememberedSinceMs(inboxSettings, clock.now());

/** Who redrives a dead letter, and why. */
export interface Operator {
  readonly by?: string;
  readonly reason?: string;
}

export interface ArchivedDeadLetter {
  readonly deadLetter: DeadLetter;
  readonly message: ArchivedMessage;
}

/** Reads a dead letter that is about to be redriven. Throws a problem if the dead letter may not be redriven. */
export async function readForRedrive(redriving: Redriving, id: string, force: boolean): Promise<ArchivedDeadLetter> {
  const item = await readDeadLetter(redriving.table, id);
  const refusal = redriveRefusal(item.deadLetter, { force, rememberedSinceMs: rememberedSince(redriving) });
  if (refusal) throw refusalProblem(refusal, item.deadLetter);
  return item;
}

/**
 * Reads a dead letter again and returns the dead letter if it is still open. The list of open dead letters may be out
 * of date, because the list comes from an eventually consistent index.
 */
export async function readIfOpen({ table }: Redriving, { id }: DeadLetter): Promise<ArchivedDeadLetter | undefined> {
  const item = await readIfArchived(table, id);
  return item?.deadLetter.status === 'open' ? item : undefined;
}

/** Reads a dead letter. Returns `undefined` if no dead letter has this id. */
export async function readIfArchived(table: ArchiveTable, id: string): Promise<ArchivedDeadLetter | undefined> {
  try {
    return await readDeadLetter(table, id);
  } catch (error) {
    if (error instanceof Problem && error.problem === 'not-found') return undefined;
    throw error;
  }
}

/**
 * Whether a redrive failed because of the dead letter itself or because of its queue. Redriving other dead letters may
 * then still succeed.
 */
export const isOfDeadLetter = (error: Error) =>
  error instanceof PublishError && (isOfMessage(error) || error.code === 'UNROUTABLE');

/**
 * Redrives one dead letter. Throws an error if the broker does not confirm the published copy, or if storing the
 * redrive in the archive fails.
 */
export async function redriveOne(
  redriving: Redriving,
  item: ArchivedDeadLetter,
  options: { readonly force: boolean } & Operator,
): Promise<void> {
  const [error] = await publishRedriven(redriving, [item], options);
  if (error instanceof PublishError && isOfMessage(error))
    throw new Problem('unwritable', 'AMQP cannot encode this message.', {
      members: { unwritable: error.message },
      cause: error,
    });
  if (error) throw error;
}

/**
 * Publishes a copy of each message to the queue or shard from which the message came, and stores in the archive that
 * the dead letter was redriven. Returns one error or `undefined` per dead letter. With `force`, the parts of a message
 * that AMQP cannot encode are left out of the copy.
 */
export async function publishRedriven(
  redriving: Redriving,
  items: readonly ArchivedDeadLetter[],
  { force, by, reason }: { readonly force: boolean } & Operator,
): Promise<(Error | undefined)[]> {
  const { queues, publisher, clock, tracing } = redriving;
  const at = new Date(clock.now()).toISOString();
  const copies = items.map(({ deadLetter, message }) => {
    const copy = redrivenCopy(message, addressOf(deadLetter, queues), {
      redrives: nextNumber(deadLetter),
      at,
      identifyAgain: IDENTITY_CODES.has(deadLetter.code),
    });
    return force ? withoutParts(copy, unwritableParts(copy)) : copy;
  });
  const publishErrors = await publishCopies(
    { publisher: publisher(), tracing },
    copies.map((copy) => ({ copy })),
  );
  return pMap(
    items,
    async ({ deadLetter }, index) => {
      const publishError = publishErrors[index];
      if (publishError && isOfMessage(publishError)) await noteUnwritable(redriving, deadLetter, publishError);
      const error = publishError ?? (await noteRedrive(redriving, deadLetter, { by, reason }));
      report(deadLetter, error);
      return error;
    },
    { concurrency: CONCURRENCY },
  );
}

/**
 * The error codes of dead letters whose message may have a wrong id, type or version. After such a dead letter is
 * redriven, the consumer identifies the message again, because an operator may have corrected how the consumer
 * identifies messages.
 */
const IDENTITY_CODES: ReadonlySet<string> = new Set(['UNKNOWN_TYPE', 'SCHEMA_MISMATCH', 'PAYLOAD_MISMATCH']);

function addressOf({ queue: name = '', shard = name }: DeadLetter, queues: readonly WorkQueue[]) {
  const queue = queues.find((one) => one.name === name);
  return queue ? addressOfShard(queue, shard) : { exchange: '', routingKey: name };
}

/**
 * Returns the redrive number of the next copy of a dead letter. This number is higher than that of every earlier copy,
 * because the inbox skips a copy if a copy with the same redrive number has already failed.
 */
const nextNumber = ({ redrives, timesRedriven }: DeadLetter): number => redrives + timesRedriven + 1;

/**
 * Stores in the archive that a copy of a dead letter was published. Returns the problem `already-redriven` if another
 * request has redriven the dead letter in the meantime, and an error if the archive could not store the redrive.
 */
async function noteRedrive(
  { table, clock }: Redriving,
  deadLetter: DeadLetter,
  operator: Operator,
): Promise<Error | undefined> {
  const at = new Date(clock.now()).toISOString();
  const action = { action: 'redriven', at, redrives: nextNumber(deadLetter), ...operator } as const;
  try {
    return (await recordRedrive(table, deadLetter, action))
      ? undefined
      : refusalProblem('already-redriven', deadLetter);
  } catch (error) {
    return error as Error;
  }
}

/**
 * Stores in the archive that AMQP cannot encode a message. If this write fails, the next bulk redrive tries to publish
 * the message again and fails in the same way.
 */
async function noteUnwritable({ table }: Redriving, { id }: DeadLetter, { message }: PublishError): Promise<void> {
  await recordUnwritable(table, id, message).catch((error: unknown) =>
    log().warn('cannot mark a dead letter as unwritable', { deadLetterId: id, ...errorFields(error) }),
  );
}

function report(deadLetter: DeadLetter, error: Error | undefined): void {
  const { id: deadLetterId, messageId, correlationId, traceparent, queue } = deadLetter;
  const ids = { deadLetterId, messageId, correlationId, ...spanOf(traceparent) };
  const about = { ...ids, queue, redrives: nextNumber(deadLetter) };
  if (error && isAlreadyRedriven(error)) log().info('dead letter already redriven by another request', about);
  else if (error) log().warn('redrive failed', { ...about, ...errorFields(error) });
  else log().info('dead letter redriven', about);
  if (!error) recordMetrics({ Redriven: 1 }, { queue: queue ?? 'unknown' });
}
