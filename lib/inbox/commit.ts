import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import { reportMisconfigured } from '../dynamodb/report-misconfigured.ts';
import { backOff } from '../dynamodb/retry-policy.ts';
import { describeError, isInstance, MisconfiguredError } from '../runtime/errors.ts';
import { toCandidate, type Candidate } from './candidate.ts';
import type { CommitResult, Inbox } from './inbox.ts';
import { createDiagnosis } from './diagnosis.ts';
import { pack, type Group } from './pack.ts';
import { start, step, type Fresh, type Reply, type State } from './step.ts';
import type { InboxTable } from './table.ts';

const CONCURRENT_GROUPS = 4;

type Ended = Pick<State, 'results' | 'observed'>;

/**
 * Creates the function that commits the effects and the inbox marker of each message together, in few DynamoDB
 * transactions.
 */
export function createCommit(table: InboxTable): Inbox['commit'] {
  const { client, clock, retryPolicy } = table;
  const fresh = (): Fresh => ({ nowMs: clock.now(), token: randomUUID() });
  /** The ids of the items whose write conditions failed in the previous commit. */
  let contended: ReadonlySet<string> = new Set();

  return async function commit(queue, entries, signal) {
    const scope = { ...table, queue };
    const diagnose = createDiagnosis(scope, signal);
    let unavailable: Error | undefined;

    async function send({ transaction: { writes, token }, retry }: State): Promise<Reply> {
      if (retry > 0) await backOff(retry, retryPolicy, signal);
      signal.throwIfAborted();
      const command = new TransactWriteItemsCommand({ TransactItems: [...writes], ClientRequestToken: token });
      return client.send(command, { abortSignal: signal }).then(
        () => ({ is: 'committed' }),
        async (error: unknown) => ({ error, ...(await diagnose(error, writes)) }),
      );
    }

    async function commitGroup(members: readonly Candidate[]): Promise<Ended> {
      let state = start(members, { scope, retryPolicy, fresh: fresh() });
      if (unavailable) state = step(state, stopped(unavailable), fresh());
      while (state.pending.length > 0) state = step(state, await send(state).catch(stopped), fresh());
      unavailable ??= state.unavailable;
      return state;
    }

    const running: Promise<Ended>[] = [];
    async function run({ members, after }: Group, n: number): Promise<Ended> {
      // Building this group's request must not delay the request of the previous group.
      if (n > 0) await setImmediate();
      // A group waits only for earlier groups, which have already started, so groups cannot wait for each other forever.
      for (const before of after) await running[before];
      return commitGroup(members).catch((thrown: unknown) => {
        const unfinished = { is: 'unfinished', error: toError(thrown) } as const;
        return { results: new Map(members.map((each) => [each, unfinished])), observed: new Map() };
      });
    }

    const results = new Map<number, CommitResult>();
    const candidates = entries.flatMap((entry, index) => {
      try {
        return [toCandidate(index, entry, queue)];
      } catch (error) {
        results.set(index, { is: 'failed', error: error as Error });
        return [];
      }
    });
    const begin = (group: Group, n: number) => (running[n] = run(group, n));
    const ended = await pMap(pack(candidates, contended), begin, { concurrency: CONCURRENT_GROUPS });
    for (const group of ended) for (const [{ index }, result] of group.results) results.set(index, result);
    contended = new Set(ended.flatMap(({ observed }) => [...observed.keys()]));
    for (const result of results.values())
      if (result.is === 'unfinished' && isInstance(result.error, MisconfiguredError)) reportMisconfigured(result.error);
    return entries.map((_, index) => results.get(index)!);
  };
}

const stopped = (thrown: unknown): Reply => ({ is: 'stopped', error: toError(thrown) });

const toError = (thrown: unknown): Error =>
  isInstance(thrown, Error) ? thrown : new Error(describeError(thrown).message);
