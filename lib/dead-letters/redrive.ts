import pMap from 'p-map';

import { redrivenCopy } from '../events/copies.ts';
import { MAX_REDRIVES } from '../events/envelope.ts';
import { publishCopies } from '../events/publish-copies.ts';
import { spanOf } from '../events/trace.ts';
import { Problem } from '../http/problem.ts';
import { unwritableParts } from '../rabbitmq/encode-message.ts';
import { withoutParts } from '../rabbitmq/unwritable.ts';
import type { Publisher } from '../events/publish.ts';
import { addressOfShard, queueOfShard } from '../rabbitmq/topology/shards.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Clock } from '../runtime/clock.ts';
import { inboxSettings, rememberedSinceMs, type InboxSettings } from '../inbox/settings.ts';
import { lazyPublisher } from '../rabbitmq/lazy-publisher.ts';
import { isOfMessage, PublishError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import { errorFields } from '../runtime/stack.ts';
import type { Tracing } from '../runtime/tracing.ts';
import type { ArchivedMessage, DeadLetter } from '../archive/dead-letter.ts';
import { readDeadLetter } from './read.ts';
import { recordRedrive, recordUnwritable } from './record-action.ts';
import { archiveTable, type ArchiveTable } from '../archive/record.ts';
import { isOvertaken, redriveRefusal, refusalProblem } from './redrive-refusal.ts';

export interface Redriving {
  readonly table: ArchiveTable;
  readonly queues: readonly WorkQueue[];
  readonly publisher: () => Publisher;
  readonly clock: Clock;
  readonly inboxSettings: InboxSettings;
  readonly tracing?: Tracing;
}

export const redrivingOf = (surehop: Surehop, queues: readonly WorkQueue[]): Redriving => ({
  table: archiveTable(surehop),
  queues,
  // Only redrives need a publisher. Functions that only read the archive have no broker login.
  publisher: () => lazyPublisher(surehop),
  clock: surehop.clock,
  inboxSettings: surehop.settings(inboxSettings),
  tracing: surehop.tracing,
});

const CONCURRENCY = 16;

/**
 * The maximum number and total size of the messages that are redriven together, and are therefore in memory at the same
 * time.
 */
export const CHUNK = 50;
export const CHUNK_BYTES = 16_000_000;

const rememberedSince = ({ inboxSettings, clock }: Pick<Redriving, 'inboxSettings' | 'clock'>): number =>
  rememberedSinceMs(inboxSettings, clock.now());

export const redriveRules = (redriving: Pick<Redriving, 'inboxSettings' | 'clock' | 'queues'>, force: boolean) => ({
  force,
  rememberedSinceMs: rememberedSince(redriving),
  queues: redriving.queues,
});

export interface Operator {
  readonly by?: string;
  readonly reason?: string;
}

export interface ArchivedDeadLetter {
  readonly deadLetter: DeadLetter;
  readonly message: ArchivedMessage;
}

/** Reads a dead letter that is about to be redriven. Throws a `Problem` if the dead letter may not be redriven. */
export async function readForRedrive(redriving: Redriving, id: string, force: boolean): Promise<ArchivedDeadLetter> {
  const item = await readDeadLetter(redriving.table, id);
  const refusal = redriveRefusal(item.deadLetter, redriveRules(redriving, force));
  if (refusal) throw refusalProblem(refusal, item.deadLetter);
  return item;
}

/**
 * Reads a dead letter with its message. Returns `undefined` if an operator has changed the dead letter since it was
 * selected, or if it no longer exists.
 */
export async function readIfUnchanged(
  { table }: Redriving,
  { id, status, timesRedriven }: DeadLetter,
): Promise<ArchivedDeadLetter | undefined> {
  try {
    const item = await readDeadLetter(table, id);
    const { deadLetter } = item;
    return deadLetter.status === status && deadLetter.timesRedriven === timesRedriven ? item : undefined;
  } catch (error) {
    if (error instanceof Problem && error.problem === 'not-found') return undefined;
    throw error;
  }
}

export const isOfDeadLetter = (error: Error) =>
  error instanceof PublishError && (isOfMessage(error) || error.code === 'UNROUTABLE');

/**
 * Redrives one dead letter. Throws an error if the broker does not confirm the copy of the message, or if the archive
 * cannot record the redrive.
 */
export async function redriveOne(
  redriving: Redriving,
  item: ArchivedDeadLetter,
  options: { readonly force: boolean } & Operator,
): Promise<void> {
  const [error] = await publishRedriven(redriving, [item], options);
  if (error instanceof PublishError && isOfMessage(error))
    throw new Problem('unwritable', 'This message cannot be published.', {
      members: { unwritable: error.message },
      cause: error,
    });
  if (error) throw error;
}

/**
 * Publishes a copy of each dead-lettered message to its queue or shard, and records each redrive in the archive.
 * Returns one error or `undefined` per dead letter.
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
      // The id of an edited message differs from the id that its body may contain.
      identifyAgain: IDENTITY_CODES.has(deadLetter.code) && deadLetter.editedFrom === undefined,
    });
    return force ? withoutParts(copy, unwritableParts(copy)) : copy;
  });
  const refusals = items.map(({ deadLetter }) => refusalOfNumber(deadLetter));
  const publishErrors = await publishCopies(
    { publisher: publisher(), tracing },
    copies.flatMap((copy, index) => (refusals[index] ? [] : { copy })),
  );
  const errors = refusals.map((refusal) => refusal ?? publishErrors.shift());
  return pMap(
    items,
    async ({ deadLetter }, index) => {
      const publishError = errors[index];
      if (publishError && isOfMessage(publishError)) await noteUnwritable(redriving, deadLetter, publishError);
      const error = publishError ?? (await noteRedrive(redriving, deadLetter, { by, reason }));
      report(deadLetter, error);
      return error;
    },
    { concurrency: CONCURRENCY },
  );
}

const IDENTITY_CODES: ReadonlySet<string> = new Set(['UNKNOWN_TYPE', 'SCHEMA_MISMATCH', 'PAYLOAD_MISMATCH']);

function addressOf({ queue: name = '', shard = name }: DeadLetter, queues: readonly WorkQueue[]) {
  const queue = queueOfShard(queues, name);
  // `redriveRefusal` refuses every dead letter of another queue.
  if (!queue) throw new Error(`"${name}" is not a work queue of this service`);
  return addressOfShard(queue, shard);
}

/**
 * Returns the number of the next redrive of a dead letter. The number increases only when a redrive is recorded. If two
 * operators redrive a dead letter at the same time, both copies therefore have the same number.
 */
const nextNumber = ({ redrives, timesRedriven }: DeadLetter): number => redrives + timesRedriven + 1;

/**
 * Refuses a redrive number above `MAX_REDRIVES`, because a consumer would read the number as 0 and skip the redriven
 * message as a duplicate.
 */
function refusalOfNumber(deadLetter: DeadLetter): PublishError | undefined {
  const number = nextNumber(deadLetter);
  if (number <= MAX_REDRIVES) return undefined;
  const message = `the redrive would have the number ${number}, and the largest number is ${MAX_REDRIVES}: edit the message, and the edited message starts at 0`;
  return new PublishError('UNWRITABLE', message);
}

async function noteRedrive(
  { table, clock }: Redriving,
  deadLetter: DeadLetter,
  operator: Operator,
): Promise<Error | undefined> {
  const at = new Date(clock.now()).toISOString();
  const action = { action: 'redriven', at, redrives: nextNumber(deadLetter), ...operator } as const;
  try {
    if (await recordRedrive(table, deadLetter, action)) return undefined;
    const { deadLetter: now } = await readDeadLetter(table, deadLetter.id);
    return refusalProblem(now.status === 'superseded' ? 'already-superseded' : 'already-redriven', now);
  } catch (error) {
    return error as Error;
  }
}

async function noteUnwritable({ table }: Redriving, { id }: DeadLetter, { message }: PublishError): Promise<void> {
  await recordUnwritable(table, id, message).catch((error: unknown) =>
    log().warn('could not record in the archive that AMQP cannot encode a message', {
      deadLetterId: id,
      ...errorFields(error),
    }),
  );
}

function report(deadLetter: DeadLetter, error: Error | undefined): void {
  const { id: deadLetterId, messageId, correlationId, traceparent, queue } = deadLetter;
  const ids = { deadLetterId, messageId, correlationId, ...spanOf(traceparent) };
  const about = { ...ids, queue, redrives: nextNumber(deadLetter) };
  if (error && isOvertaken(error)) log().info('dead letter already redriven or edited by another request', about);
  else if (error) log().warn('redrive failed', { ...about, ...errorFields(error) });
  else log().info('dead letter redriven', about);
  if (!error) recordMetrics({ Redriven: 1 }, { queue: queue ?? 'unknown' });
}
