import { randomUUID } from 'node:crypto';

import { lastSentTimeOf } from '../events/publish-time.ts';
import type { Decision } from '../inbox/decision.ts';
import type { CommitResult } from '../inbox/inbox.ts';
import type { Delivery } from '../message/delivery.ts';
import { toResult, type ValidMessage, type Result } from '../message/message.ts';
import {
  deadLetter,
  duplicate,
  fromError,
  fromFailedMarker,
  outOfTime,
  postponed,
  thrownError,
  unfinished,
  type Cause,
  type Outcome,
} from '../message/outcome.ts';
import type { RuleContext } from '../message/rule.ts';
import { runInMessageSpan } from '../message/trace.ts';
import { concurrently } from '../runtime/concurrently.ts';
import { describeError, isInstance, isOutsideMessage } from '../runtime/errors.ts';
import type { Batch } from './batch.ts';
import { factsOf } from './facts.ts';
import { performUnderLease } from './lease.ts';
import { TimeLimitError, withTimeLimit, type TimeLimit } from './time-limit.ts';
import { watchReads } from './watch-reads.ts';

/** A message whose business rule has returned a decision that is not committed yet. */
interface Decided {
  readonly is: 'decided';
  readonly message: ValidMessage;
  readonly decision: Decision;
  /** The owner of the lease under which the business rule ran, if the rule is a `perform` function. */
  readonly leaseOwner?: string;
}

/**
 * Runs the business rule of each message, at most `concurrency` rules at a time. A message whose rule could not start
 * in time is redelivered with its batch.
 */
export async function runRules(messages: readonly ValidMessage[], batch: Batch): Promise<(Decided | Result)[]> {
  const ran: (Decided | Result)[] = [];
  const commit = commitPerformed(batch);
  await concurrently(messages, batch.concurrency, async (message, index) => {
    ran[index] = await runInMessageSpan(batch.trace, message.delivery, () => runRule(message, commit, batch));
  });
  return ran;
}

/**
 * Returns a function that commits the decision of a `perform` function immediately, and not at the end of the batch.
 */
function commitPerformed(batch: Batch): (decided: Decided) => Promise<Result> {
  let running: Promise<unknown> = Promise.resolve();
  let waiting: Decided[] = [];
  let next: Promise<Result[]> | undefined;
  const commitWaiting = () => {
    const decided = waiting;
    waiting = [];
    next = undefined;
    return commitDecisions(decided, batch);
  };
  return async (decided) => {
    const position = waiting.push(decided) - 1;
    running = next ??= running.then(commitWaiting);
    return (await next)[position]!;
  };
}

async function runRule(
  message: ValidMessage,
  commit: (decided: Decided) => Promise<Result>,
  batch: Batch,
): Promise<Decided | Result> {
  const { timeLimitMs, timeLeftMs, read } = batch;
  const { rule, event, id, delivery, order } = message;
  const { attempt } = delivery.envelope;
  const leftMs = timeLeftMs();
  if (leftMs <= 0) return toResult(message, outOfTime());
  if (isTooOld(delivery, batch)) return toResult(message, deadLetter('TOO_OLD'));
  const reads = watchReads(read);
  const contextOf = (limit: TimeLimit): RuleContext => ({
    id,
    attempt,
    read: reads.read,
    get signal() {
      return limit.signal;
    },
  });
  const leaseOwner = rule.perform && randomUUID();
  try {
    if (order && 'error' in order) throw order.error;
    if (rule.perform) {
      const steps = {
        perform: async (limit: TimeLimit) => requireDecision((await rule.perform(event, contextOf(limit))) ?? NOTHING),
        commit: async (decision: Decision) => (await commit({ is: 'decided', message, decision, leaseOwner })).outcome,
      };
      return toResult(message, await performUnderLease(message, leaseOwner!, steps, batch));
    }
    return await withTimeLimit(Math.min(timeLimitMs, leftMs), (limit) => {
      const given = requireDecision(rule.decide(event, contextOf(limit)));
      const decided = (decision: Decision): Decided => ({ is: 'decided', message, decision });
      return 'then' in given ? given.then((decision) => decided(requireDecision(decision))) : decided(given);
    });
  } catch (error) {
    if (isInstance(error, TimeLimitError)) {
      // The message is not at fault if the invocation ran out of time before the message's own time limit.
      if (error.limitMs < timeLimitMs) return toResult(message, outOfTime());
      // Nor is the message at fault if its business rule waited for a DynamoDB that does not answer.
      const outage = await reads.outage(timeLeftMs());
      if (outage) return toResult(message, unfinished(outage));
      const cause: Cause | undefined = leaseOwner === undefined ? undefined : { is: 'still-running', leaseOwner };
      return toResult(message, fromError(error, attempt, batch, cause));
    }
    if (isOutsideMessage(error)) return toResult(message, unfinished(error));
    return toResult(message, fromError(error, attempt, batch, thrownError(error)));
  }
}

/**
 * Whether a message is older than the `maxAge` of its consumer. The age counts from the last redrive, or else from the
 * publication. `maxAge` does not apply to a message without a publish time.
 */
function isTooOld(delivery: Delivery, { maxAgeMs, clock }: Batch): boolean {
  if (maxAgeMs === undefined) return false;
  const sentAtMs = lastSentTimeOf(delivery);
  return sentAtMs !== undefined && clock.now() - sentAtMs > maxAgeMs;
}

const NOTHING: Decision = { effects: [] };

function requireDecision<T>(given: T): T {
  const type = given === null ? 'null' : typeof given;
  if (type !== 'object') throw new TypeError(`the business rule returned ${type} instead of a decision`);
  return given;
}

export async function commitDecisions(ran: readonly (Decided | Result)[], batch: Batch): Promise<Result[]> {
  const { queue, inbox, commitSignal, trace } = batch;
  const decided = ran.filter((one) => one.is === 'decided');
  if (decided.length === 0) return ran.filter((one) => one.is === 'result');
  const entries = decided.map(({ message: { id, delivery, hasMarker }, decision, leaseOwner }) => {
    const { payloadHash, envelope } = delivery;
    const { redrives, attempt } = envelope;
    const facts = factsOf(delivery, batch);
    return { id, payloadHash, redrives, attempt, decision, hasMarker, leaseOwner, facts };
  });
  const commit = () => inbox.commit(queue.name, entries, commitSignal);
  const [first] = decided;
  const committed = await (decided.length === 1 ? runInMessageSpan(trace, first!.message.delivery, commit) : commit());
  const outcomes = new Map(decided.map((one, index) => [one, committed[index]!]));
  return ran.map((one) =>
    one.is === 'result' ? one : toResult(one.message, fromCommit(outcomes.get(one)!, one.message, batch)),
  );
}

function fromCommit(result: CommitResult, { delivery }: ValidMessage, batch: Batch): Outcome {
  switch (result.is) {
    case 'completed':
      return { is: 'completed', events: result.marker.events };
    case 'duplicate':
      return duplicate(result.marker.events);
    case 'rejected':
      return { is: 'rejected', reason: result.marker.reason ?? '', events: result.marker.events };
    case 'mismatch':
      return deadLetter('PAYLOAD_MISMATCH');
    case 'parked':
      return fromFailedMarker(result.marker);
    case 'failed':
      if (describeError(result.error).code === 'LEASED') return postponed('LEASED', batch.queue, 0);
      return fromError(result.error, delivery.envelope.attempt, batch);
    case 'unfinished':
      return unfinished(result.error);
  }
}
