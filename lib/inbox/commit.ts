import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import { reportMisconfigured } from '../dynamodb/report-misconfigured.ts';
import { backOff } from '../dynamodb/retry-policy.ts';
import { isInstance, MisconfiguredError } from '../runtime/errors.ts';
import { toCandidate } from './candidate.ts';
import type { Inbox } from './inbox.ts';
import { createDiagnosis } from './diagnosis.ts';
import { pack, type Group } from './pack.ts';
import { start, step, type Reply, type State } from './step.ts';
import type { InboxTable } from './table.ts';
import type { Fresh } from './transaction.ts';

const CONCURRENT_GROUPS = 4;

type Results = State['results'];

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
    const observed = new Set<string>();
    let unavailable: Error | undefined;

    async function send({ transaction: { writes, token }, retry }: State): Promise<Reply> {
      if (retry > 0) await backOff(retry, retryPolicy, signal);
      signal.throwIfAborted();
      if (unavailable) throw unavailable;
      const command = new TransactWriteItemsCommand({ TransactItems: [...writes], ClientRequestToken: token });
      return client.send(command, { abortSignal: signal }).then(
        () => ({ is: 'committed' }),
        async (error: unknown) => ({ error, ...(await diagnose(error, writes)) }),
      );
    }

    const running: Promise<Results>[] = [];
    async function run({ members, after }: Group, n: number): Promise<Results> {
      // Building this group's request must not delay the request of the previous group.
      if (n > 0) await setImmediate();
      // A group waits only for earlier groups, which have already started, so groups cannot wait for each other forever.
      for (const before of after) await running[before];
      let state = start(members, { scope, retryPolicy, fresh: fresh() });
      while (state.pending.length > 0) {
        state = step(state, await send(state).catch(stopped), fresh());
        for (const id of state.observed.keys()) observed.add(id);
        unavailable ??= state.unavailable;
      }
      return state.results;
    }

    const candidates = entries.map((entry) => toCandidate(entry, queue));
    const valid = candidates.filter((each) => 'entry' in each);
    const begin = (group: Group, n: number) =>
      (running[n] = run(group, n).catch((error: Error) => unfinished(group, error)));
    const ended = await pMap(pack(valid, contended), begin, { concurrency: CONCURRENT_GROUPS });
    contended = observed;
    const results = new Map(ended.flatMap((settled) => [...settled]));
    for (const result of results.values())
      if (result.is === 'unfinished' && isInstance(result.error, MisconfiguredError)) reportMisconfigured(result.error);
    return candidates.map((each) => ('error' in each ? each : results.get(each)!));
  };
}

const unfinished = (group: Group, error: Error): Results =>
  new Map(group.members.map((each) => [each, { is: 'unfinished', error }]));

const stopped = (error: Error): Reply => ({ is: 'stopped', error });
