import { randomUUID } from 'node:crypto';

import type { MessageId } from '../events/message-id.ts';
import { toResult, type ValidMessage, type Result } from '../message/message.ts';
import { keyOf } from '../message/ordering-key.ts';
import { deadLetter, outOfTime, unfinished, unfinishedAs, type Outcome } from '../message/outcome.ts';
import type { Clock } from '../runtime/clock.ts';
import { forgetOldest } from '../runtime/forget-oldest.ts';
import type { AttemptLog, AttemptRun, OpenAttempts } from './attempt-log.ts';

/** The number of deliveries without an outcome after which a message is suspected of crashing the process. */
const SUSPICIOUS_DELIVERIES = 3;

/** How many times a message may crash the process while it is processed alone, before it is dead-lettered. */
const MAX_ISOLATED_RUNS = 3;

/** The maximum assumed difference between the clocks of two Lambda execution environments, in ms. */
const CLOCK_SKEW_MS = 1_000;

/** The fields of a batch that are needed to find the messages that crash the process. */
interface IsolatingBatch {
  readonly queue: { readonly name: string };
  readonly attemptLog: AttemptLog;
  readonly clock: Clock;
  readonly memory: CrashLoopMemory;
  /** How much time business rules have left, in ms. */
  readonly timeLeftMs: () => number;
  /** How long the Lambda invocation may still run, in ms. */
  readonly invocationLeftMs: () => number;
  readonly warn: (message: string, error: unknown) => void;
}

/** The data with which a process recognizes messages that may crash it, kept in memory from one batch to the next. */
export interface CrashLoopMemory {
  /**
   * For each unfinished message of the last batch, how many times in a row this process has returned the message to the
   * queue. These deliveries did not crash the process, and therefore do not make the message a suspect.
   */
  survived: Map<MessageId, number>;
  /**
   * For each message id, the ended processing attempt that must still be deleted from DynamoDB, or `all` if all stored
   * attempts of the message must be deleted.
   */
  readonly unended: Map<MessageId, AttemptRun | 'all'>;
}

interface Steps {
  /** Sorts the messages of each ordering key into the order in which they must be processed. */
  readonly inOrder: (messages: readonly ValidMessage[]) => Promise<ValidMessage[]>;
  readonly process: (messages: readonly ValidMessage[]) => Promise<Result[]>;
  /** Publishes the dead letters of the messages that crash the process. */
  readonly settle: (results: readonly Result[]) => Promise<Result[]>;
}

/**
 * Returns the messages that are suspected of crashing the process, and all messages that share an ordering key with one
 * of them.
 */
export function suspectsAmong(messages: readonly ValidMessage[], memory: CrashLoopMemory): ValidMessage[] {
  const suspects = new Set(messages.filter((message) => isSuspect(message, memory)));
  const keys = new Set([...suspects].flatMap((suspect) => keyOf(suspect) ?? []));
  return messages.filter((message) => suspects.has(message) || isIn(keys, keyOf(message)));
}

const isIn = (keys: ReadonlySet<string>, key: string | undefined) => key !== undefined && keys.has(key);

const isSuspect = (
  { id, isAbandoned, delivery: { deliveryCount } }: ValidMessage,
  { survived }: CrashLoopMemory,
): boolean => isAbandoned || deliveryCount - (survived.get(id) ?? 0) >= SUSPICIOUS_DELIVERIES;

export function noteSurvival(results: readonly Result[], memory: CrashLoopMemory): void {
  const ids = results.flatMap(({ delivery: { id }, outcome }) => (id && outcome.is === 'unfinished' ? [id] : []));
  memory.survived = new Map(ids.map((id) => [id, (memory.survived.get(id) ?? 0) + 1]));
}

/**
 * Finds out which messages crash the process: processes the suspected messages together and, after another crash, each
 * of them alone. A message that crashes the process three times while it is processed alone is dead-lettered.
 */
export async function isolate(
  suspects: readonly ValidMessage[],
  batch: IsolatingBatch,
  steps: Steps,
): Promise<Result[]> {
  if (suspects.length === 0) {
    await retryEndAttempts(batch);
    return [];
  }
  let open: Map<MessageId, OpenAttempts>;
  let sorted: readonly ValidMessage[];
  let untried: readonly ValidMessage[];
  let run: AttemptRun | undefined;
  try {
    // An attempt that has ended and is still stored would count as a crash.
    await deleteEnded(batch);
    sorted = await steps.inOrder(suspects);
    open = await batch.attemptLog.read(batch.queue.name, suspects.map(idOf));
    untried = untriedAmong(suspects, open);
    run = untried.length > 0 ? await beginAttempts(untried, 'together', batch) : undefined;
  } catch (error) {
    return suspects.map((suspect) => toResult(suspect, unfinished(error)));
  }
  const results = run ? await steps.process(untried) : [];
  if (run) await endAttempts(results, run, batch);
  const rest = sorted.filter((suspect) => !untried.includes(suspect));
  return [...results, ...(await isolateEach(rest, open, batch, steps))];
}

async function isolateEach(
  suspects: readonly ValidMessage[],
  open: ReadonlyMap<MessageId, OpenAttempts>,
  batch: IsolatingBatch,
  { process, settle }: Steps,
): Promise<Result[]> {
  const results: Result[] = [];
  const stopped = new Set<string | ValidMessage>();
  const waiting = new Set<string | ValidMessage>();
  const postponed: ValidMessage[] = [];
  const runsOf = (suspect: ValidMessage) => open.get(suspect.id)?.isolatedEndByMs ?? [];
  for (const suspect of leastTriedFirst(suspects, (one) => runsOf(one).length)) {
    const sequence = sequenceOf(suspect);
    if (waiting.has(sequence)) {
      postponed.push(suspect);
      continue;
    }
    const begun = stopped.has(sequence) ? outOfTime() : await tryToBegin(suspect, runsOf(suspect), batch);
    const [result] = begun.is === 'begun' ? await process([suspect]) : await settle([toResult(suspect, begun)]);
    if (result!.outcome.is === 'unfinished') stopped.add(sequence);
    if (begun.is === 'begun' && blocksKey(result!)) waiting.add(sequence);
    if (begun.is === 'begun') await endAttempts([result!], begun.run, batch);
    else if (isEnded(result!)) await endAttempts([result!], 'all', batch);
    results.push(result!);
  }
  // These messages wait for an earlier message of their key, so no rule runs for them unless another Lambda execution
  // environment has completed the earlier message meanwhile. To process each of them alone would take many requests to
  // DynamoDB, and the invocation could run out of time.
  const processed = postponed.length > 0 ? await process(postponed) : [];
  await endAttempts(processed.filter(isEnded), 'all', batch);
  return [...results, ...processed];
}

const isEnded = ({ outcome: { is } }: Result) => is !== 'unfinished' && is !== 'postponed';

/**
 * Whether the later messages with the same ordering key wait for this message, because its effects are not committed.
 * The effects of a message that was postponed as `UNROUTABLE` are committed: the consumer only could not publish a
 * follow-up event, because no queue receives the event.
 */
const blocksKey = ({ outcome }: Result) =>
  outcome.is === 'retry' || (outcome.is === 'postponed' && outcome.code !== 'UNROUTABLE');

async function tryToBegin(
  suspect: ValidMessage,
  runs: readonly number[],
  batch: IsolatingBatch,
): Promise<{ readonly is: 'begun'; readonly run: AttemptRun } | Outcome> {
  if (batch.timeLeftMs() <= 0) return outOfTime();
  if (runs.length >= MAX_ISOLATED_RUNS) {
    const nowMs = batch.clock.now();
    const ended = runs.filter((endsByMs) => endsByMs <= nowMs);
    return ended.length >= MAX_ISOLATED_RUNS ? deadLetter('CRASH_LOOP') : unfinishedAs('LEASED');
  }
  try {
    return { is: 'begun', run: await beginAttempts([suspect], 'isolated', batch) };
  } catch (error) {
    return unfinished(error);
  }
}

async function beginAttempts(
  suspects: readonly ValidMessage[],
  kind: 'together' | 'isolated',
  { queue, attemptLog, clock, invocationLeftMs }: IsolatingBatch,
): Promise<AttemptRun> {
  const run = { kind, id: randomUUID(), endsByMs: clock.now() + invocationLeftMs() + CLOCK_SKEW_MS };
  await attemptLog.begin(queue.name, suspects.map(idOf), run);
  return run;
}

/** Deletes all stored attempts of each message that has ended, and only the attempt `run` of each other message. */
async function endAttempts(results: readonly Result[], run: AttemptRun | 'all', batch: IsolatingBatch): Promise<void> {
  const { unended } = batch.memory;
  for (const result of results) unended.set(result.delivery.id!, isEnded(result) ? 'all' : run);
  await retryEndAttempts(batch);
}

/** Deletes the stored processing attempts that an earlier batch could not delete, because DynamoDB was unavailable. */
async function retryEndAttempts(batch: IsolatingBatch): Promise<void> {
  try {
    await deleteEnded(batch);
  } catch (error) {
    forgetOldest(batch.memory.unended);
    batch.warn('cannot delete the attempts of processed messages from the attempt log', error);
  }
}

async function deleteEnded({ queue, attemptLog, memory: { unended } }: IsolatingBatch): Promise<void> {
  if (unended.size === 0) return;
  await attemptLog.end(queue.name, unended);
  unended.clear();
}

function untriedAmong(suspects: readonly ValidMessage[], open: ReadonlyMap<MessageId, OpenAttempts>): ValidMessage[] {
  const tried = new Set(suspects.filter(({ id }) => open.has(id)).map(sequenceOf));
  const untried = suspects.filter((suspect) => !tried.has(sequenceOf(suspect)));
  return untried.length > 1 ? untried : [];
}

const idOf = ({ id }: ValidMessage) => id;

/**
 * Returns a value that messages have in common if they must be processed in order: their ordering key. A message
 * without an ordering key is represented by itself and not by its id, which can be equal to another message's key.
 */
const sequenceOf = (suspect: ValidMessage): string | ValidMessage => keyOf(suspect) ?? suspect;

function leastTriedFirst(suspects: readonly ValidMessage[], runsOf: (suspect: ValidMessage) => number): ValidMessage[] {
  const most = new Map<string | ValidMessage, number>();
  const ranked = suspects.map((suspect) => {
    const rank = Math.max(runsOf(suspect), most.get(sequenceOf(suspect)) ?? 0);
    most.set(sequenceOf(suspect), rank);
    return { suspect, rank };
  });
  return ranked.toSorted((one, other) => one.rank - other.rank).map(({ suspect }) => suspect);
}
