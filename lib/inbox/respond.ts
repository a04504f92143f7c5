import { StoreUnavailableError, type MisconfiguredError } from '../runtime/errors.ts';
import { requestRefused, tableMissing, type Answer } from '../dynamodb/reply.ts';
import { membersOn, readReasons } from './cancellation.ts';
import type { Findings } from './cancellation.ts';
import type { Attributes } from '../dynamodb/item.ts';
import type { Member, Option } from './member.ts';
import { backOff } from '../dynamodb/retry-policy.ts';
import type { Presumption } from './presume.ts';
import { missingTables, refusalOfMarkers } from './probe.ts';
import { reportMisconfigured } from '../dynamodb/report-misconfigured.ts';
import { failedInvalid, failedWith, settleMet, unfinished } from './settle.ts';
import type { Commit } from './settle.ts';
import { inboxTable } from './table.ts';
import type { Transaction } from './transaction.ts';

/** How far a group is. */
export interface Run {
  /** Not settled yet, in order. */
  pending: readonly Member[];
  /** What cancellations showed of items. */
  readonly known: Map<string, Attributes | undefined>;
  /** Those among the known that no cancellation of this run has shown. */
  readonly presumed: Map<string, Presumption>;
  unanswered: number;
  conflicts: number;
}

/** The same request again; another choice among the pending; the pending in two halves; or nothing more to do. */
export type Next = 'again' | 'anew' | 'split' | 'over';

function drop(run: Run, gone: ReadonlySet<Member>): Next {
  run.pending = run.pending.filter((member) => !gone.has(member));
  run.conflicts = 0;
  return 'anew';
}

/** Goes on with what cancellations have shown. */
export function presumeNothing(run: Run): Next {
  for (const itemId of run.presumed.keys()) run.known.delete(itemId);
  run.presumed.clear();
  run.conflicts = 0;
  return 'anew';
}

async function waitForStore(commit: Commit, run: Run, limit: number, cause: unknown): Promise<Next> {
  if (++run.unanswered < limit) {
    await backOff(run.unanswered, commit.retryPolicy, commit.signal);
    return 'again';
  }
  commit.storeAway ??= new StoreUnavailableError({ cause });
  unfinished(commit, run.pending, commit.storeAway);
  return 'over';
}

/** One of `suspects` asks for what DynamoDB never does: it fails alone, found by halving where there are several. */
async function isolate(commit: Commit, run: Run, suspects: readonly Member[], cause: unknown): Promise<Next> {
  const guilty = suspects.length === 1 ? suspects[0] : run.pending.length === 1 ? run.pending[0] : undefined;
  if (guilty === undefined) return 'split';
  const refusal = await refusalOfMarkers(commit);
  if (refusal !== undefined) return stop(commit, run, requestRefused([inboxTable(commit.scope)], refusal));
  failedInvalid(commit, guilty, cause);
  return drop(run, new Set([guilty]));
}

/** Nothing can be written, by no message. */
function stop(commit: Commit, run: Run, error: MisconfiguredError): Next {
  commit.storeAway ??= reportMisconfigured(error);
  unfinished(commit, run.pending, commit.storeAway);
  return 'over';
}

/** The deployment is wrong: the messages on tables that cannot be used come back, the others go on. */
async function setAside(commit: Commit, run: Run, transaction: Transaction, error: MisconfiguredError): Promise<Next> {
  const { tablePrefix } = commit.scope;
  const wrong = error.code === 'TABLE_MISSING' ? tableMissing(await missingTables(commit, transaction, error)) : error;
  const tables = new Set(wrong.tables);
  const uses = ({ operations }: Option) => operations.some(({ table }) => tables.has(tablePrefix + table));
  const gone = transaction.chosen.filter(({ option }) => uses(option)).map(({ member }) => member);
  if (gone.length === 0 || tables.has(inboxTable(commit.scope))) return stop(commit, run, wrong);
  unfinished(commit, gone, reportMisconfigured(wrong));
  return drop(run, new Set(gone));
}

/** Gives up on the messages that others keep in the way of, so that the rest can go on. */
function giveUp(commit: Commit, run: Run, transaction: Transaction, findings: Findings, cause: unknown): Next {
  const gone = new Set(findings.conflicting);
  for (const [member] of findings.met) gone.add(member);
  for (const [itemId] of findings.seen) for (const member of membersOn(transaction, itemId)) gone.add(member);
  for (const member of gone) failedWith(commit, member, 'CONFLICT');
  unfinished(commit, findings.throttled, new StoreUnavailableError({ cause }));
  for (const member of findings.throttled) gone.add(member);
  if (gone.size > 0) return drop(run, gone);
  unfinished(commit, run.pending, new StoreUnavailableError({ cause }));
  return 'over';
}

async function afterCancellation(
  commit: Commit,
  run: Run,
  transaction: Transaction,
  findings: Findings,
  cause: unknown,
): Promise<Next> {
  const settled = await settleMet(commit, findings.met);
  const learned =
    findings.seen.some(([itemId]) => !run.known.has(itemId) || run.presumed.has(itemId)) ||
    findings.met.some(([{ hasMarker }]) => !hasMarker);
  for (const [itemId, item] of findings.seen) {
    run.known.set(itemId, item);
    run.presumed.delete(itemId);
  }
  for (const [member] of findings.met) member.hasMarker = true;
  if (settled.size > 0) return drop(run, settled);
  if (learned) return 'anew';

  // Only now: an option that DynamoDB refuses counts where its conditions hold, as it would for the message alone.
  const [invalid] = findings.invalid;
  if (findings.misconfigured !== undefined) return setAside(commit, run, transaction, findings.misconfigured);
  if (invalid !== undefined) return isolate(commit, run, invalid.members, new Error(invalid.message));

  if (++run.conflicts >= commit.retryPolicy.conflicts)
    return run.presumed.size > 0 ? presumeNothing(run) : giveUp(commit, run, transaction, findings, cause);
  await backOff(run.conflicts, commit.retryPolicy, commit.signal);
  return findings.seen.length > 0 || findings.met.length > 0 ? 'anew' : 'again';
}

/** Decides what follows an unsuccessful transaction, and settles what can be settled by it. */
export async function respond(
  commit: Commit,
  run: Run,
  transaction: Transaction,
  answer: Answer,
  cause: unknown,
): Promise<Next> {
  const { attempts, conflicts } = commit.retryPolicy;
  if (answer.is === 'lost') return waitForStore(commit, run, attempts, cause);
  if (answer.is === 'busy') return waitForStore(commit, run, conflicts, cause);
  run.unanswered = 0;
  if (answer.is === 'misconfigured') return setAside(commit, run, transaction, answer.error);
  if (answer.is === 'cancelled') {
    return afterCancellation(commit, run, transaction, readReasons(answer.reasons, transaction), cause);
  }
  const suspects = transaction.chosen.map(({ member }) => member);
  return isolate(commit, run, suspects, cause);
}
