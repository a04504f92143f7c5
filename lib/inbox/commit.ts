import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import { readFailure } from '../dynamodb/failure.ts';
import { reportMisconfigured } from '../dynamodb/report-misconfigured.ts';
import { backOff } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import { describeError, isInstance, MisconfiguredError } from '../runtime/errors.ts';
import { toCandidate, type Candidate } from './candidate.ts';
import type { CommitResult, Entry, Marker } from './inbox.ts';
import { pack } from './pack.ts';
import { createProbe, type Probe } from './diagnosis.ts';
import type { Next, Reply, Settled, State } from './state.ts';
import { firstStep, step } from './step.ts';
import type { InboxTable } from './table.ts';

const CONCURRENT_GROUPS = 4;

export interface Commit extends InboxTable {
  readonly queue: string;
  readonly signal: AbortSignal;
  /** The ids of the items whose write conditions failed in the previous commit. */
  readonly contended: ReadonlySet<string>;
  readonly findMarkers: (ids: readonly MessageId[]) => Promise<Map<MessageId, Marker>>;
}

/**
 * Commits the effects and the inbox record of each message together, in few DynamoDB transactions. The returned
 * `results` are in the order of `entries`.
 */
export async function commitEntries(
  commit: Commit,
  entries: readonly Entry[],
): Promise<{ results: CommitResult[]; contended: Set<string> }> {
  const results = new Map<number, CommitResult>();
  const candidates: Candidate[] = [];
  for (const [index, entry] of entries.entries()) {
    try {
      candidates.push(toCandidate(index, entry, commit.queue));
    } catch (error) {
      results.set(index, { is: 'failed', error: error as Error });
    }
  }
  const groups = pack(candidates, commit.contended);
  const probe = createProbe(commit);
  const running: Promise<void>[] = [];
  const contended = new Set<string>();
  let unavailable: Error | undefined;
  async function run(index: number): Promise<void> {
    const { members, after } = groups[index]!;
    // Building this group's request must not delay the request of the previous group.
    if (index > 0) await setImmediate();
    for (const before of after) await running[before];
    const error = unavailable;
    const ended = error
      ? allUnfinished(members, error)
      : await commitGroup(commit, probe, members).catch((thrown) => allUnfinished(members, toError(thrown)));
    for (const [candidate, result] of ended.settled) results.set(candidate.index, result);
    for (const id of ended.contended) contended.add(id);
    unavailable ??= ended.unavailable;
  }
  // A group waits only for earlier groups, which have already started, so groups cannot wait for each other forever.
  const begin = (index: number) => (running[index] = run(index));
  await pMap(groups.keys(), begin, { concurrency: CONCURRENT_GROUPS });
  return { results: entries.map((_, index) => results.get(index)!), contended };
}

interface Ended {
  readonly settled: Settled;
  readonly contended: Iterable<string>;
  readonly unavailable?: Error;
}

const allUnfinished = (members: readonly Candidate[], error: Error): Ended => ({
  settled: members.map((candidate) => [candidate, { is: 'unfinished', error }]),
  contended: [],
});

async function commitGroup(commit: Commit, probe: Probe, members: readonly Candidate[]): Promise<Ended> {
  const { client, clock, retryPolicy, signal, findMarkers } = commit;
  let token = '';

  async function send({ transaction }: State, retry: number): Promise<Reply> {
    if (retry > 0) await backOff(retry, retryPolicy, signal);
    if (signal.aborted) return { is: 'stopped', error: toError(signal.reason) };
    const input = { TransactItems: [...transaction.writes], ClientRequestToken: token };
    return client.send(new TransactWriteItemsCommand(input), { abortSignal: signal }).then(
      () => ({ is: 'committed' }),
      (error: unknown) => ({ is: 'failed', failure: readFailure(error), error }),
    );
  }

  async function carryOut(state: State, next: Exclude<Next, { do: 'done' }>): Promise<Reply> {
    switch (next.do) {
      case 'send':
        token = randomUUID();
        return send(state, next.retry);
      case 'resend':
        return send(state, next.retry);
      case 'findMarkers':
        return { is: 'markers', markers: await findMarkers(next.ids) };
      case 'findMissingTables':
        return { is: 'missingTables', tables: await probe.missingTables(state.transaction.writes) };
      case 'tryMarker':
        return { is: 'markerWrites', error: await probe.markerRefusal() };
    }
  }

  const settled: (readonly [Candidate, CommitResult])[] = [];
  let { state, next, settled: more } = firstStep(members, { scope: commit, retryPolicy }, clock.now());
  for (;;) {
    settled.push(...more);
    for (const [, result] of more)
      if (result.is === 'unfinished' && isInstance(result.error, MisconfiguredError)) reportMisconfigured(result.error);
    if (next.do === 'done') return { settled, contended: state.observed.keys(), unavailable: next.unavailable };
    const reply = await carryOut(state, next).catch((cause: unknown): Reply => ({
      is: 'stopped',
      error: toError(cause),
    }));
    ({ state, next, settled: more } = step(state, reply, clock.now()));
  }
}

const toError = (thrown: unknown): Error =>
  isInstance(thrown, Error) ? thrown : new Error(describeError(thrown).message);
