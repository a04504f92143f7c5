import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { StoreUnavailableError } from '../runtime/errors.ts';
import { readAnswer, wasRepeated } from '../dynamodb/reply.ts';
import { choose } from './choose.ts';
import type { Choice } from './choose.ts';
import type { Member } from './member.ts';
import { presume } from './presume.ts';
import { presumeNothing, respond } from './respond.ts';
import type { Next, Run } from './respond.ts';
import { failedWith, settleCommitted, unfinished } from './settle.ts';
import type { Commit } from './settle.ts';
import { toTransaction } from './transaction.ts';
import type { Transaction } from './transaction.ts';

/** Why to stop, if at all. */
function stopReason({ signal, storeAway }: Commit): Error | undefined {
  if (!signal.aborted) return storeAway;
  return signal.reason instanceof Error ? signal.reason : new Error(`aborted: ${String(signal.reason)}`);
}

/** Sends one transaction until it is committed or its answer asks for another one; it may be sent twice, since its markers are written once. */
async function attempt(commit: Commit, run: Run, transaction: Transaction): Promise<Next | 'committed'> {
  for (;;) {
    const stop = stopReason(commit);
    if (stop !== undefined) {
      unfinished(commit, run.pending, stop);
      return 'over';
    }
    try {
      await commit.client.send(new TransactWriteItemsCommand(transaction.input), { abortSignal: commit.signal });
      settleCommitted(commit, transaction);
      return 'committed';
    } catch (error) {
      const answer = readAnswer(error);
      if (answer.is === 'lost' || wasRepeated(error)) {
        for (const [n, { member }] of transaction.chosen.entries()) member.lostAt = transaction.markers[n]!.at;
      }
      const next = await respond(commit, run, transaction, answer, error);
      if (next !== 'again') return next;
    }
  }
}

/** Keeps in mind which items were not enough for all, for the next batch. */
function remember({ scarce }: Commit, { known, pending }: Run, chosen: readonly Choice[]): void {
  if (known.size === 0) return;
  const served = new Set(chosen.flatMap(({ member, option }) => (option === member.options[0] ? [member] : [])));
  for (const [itemId, item] of known) {
    const isScarce = pending.some((member) => !served.has(member) && member.footprint.has(itemId));
    if (isScarce) scarce.note(itemId, item);
    else scarce.forget(itemId);
  }
}

async function untilSettled(commit: Commit, run: Run): Promise<void> {
  while (run.pending.length > 0) {
    const { chosen, refused } = choose(run.pending, run.known);
    // Who has no option left must have been met by a transaction: its marker may be there already.
    if (refused.length > 0 && run.presumed.size > 0) {
      presumeNothing(run);
      continue;
    }
    const next =
      chosen.length === 0
        ? 'committed'
        : await attempt(commit, run, toTransaction(chosen, commit.scope, commit.clock.now(), run.presumed));
    if (next === 'anew') continue;
    if (next === 'split') {
      const middle = Math.ceil(run.pending.length / 2);
      await commitGroup(commit, run.pending.slice(0, middle));
      await commitGroup(commit, run.pending.slice(middle));
    }
    // Who was refused is so only if those before it, which took what was there, are committed.
    if (next === 'committed') {
      for (const member of refused) failedWith(commit, member, 'CONDITION_FAILED');
      remember(commit, run, chosen);
    }
    return;
  }
}

/**
 * Brings the messages of one group to an end, in as few transactions as their conflicts allow. Choices among alternatives
 * are made anew after each cancellation that shows something new, and hold only once their transaction is committed.
 */
export async function commitGroup(commit: Commit, members: readonly Member[]): Promise<void> {
  const presumed = presume(members, commit.scarce);
  const known = new Map(Array.from(presumed, ([itemId, { item }]) => [itemId, item]));
  const run: Run = { pending: members, known, presumed, unanswered: 0, conflicts: 0 };
  try {
    await untilSettled(commit, run);
  } catch (error) {
    const open = run.pending.filter(({ index }) => commit.results[index] === undefined);
    unfinished(commit, open, error instanceof Error ? error : new StoreUnavailableError({ cause: error }));
  }
}
