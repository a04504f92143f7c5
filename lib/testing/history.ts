import { readEnvelope } from '../events/envelope.ts';
import type { Message } from '../events/message.ts';
import type { CommitResult, Entry, Handoff } from '../inbox/inbox.ts';
import { describeError } from '../runtime/errors.ts';
import { formatDuration } from '../runtime/duration.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { show, showItem, showPlace } from './describe.ts';
import type { Call } from './gated-dependencies.ts';
import type { Commit, MemoryStore } from './memory-store.ts';

const idsOf = (ids: readonly unknown[]) => ids.join(', ');

function describePublished({ exchange, properties }: Message, { delays, deadLetterExchange }: WorkQueue): string {
  const { messageId, type, headers } = properties;
  const delay = delays.find(({ name }) => name === exchange);
  if (delay !== undefined) return `a copy of ${messageId} that waits for ${formatDuration(delay.delayMs)}`;
  if (exchange === deadLetterExchange)
    return `the dead letter of ${messageId} (${readEnvelope(headers).deadLetter?.code})`;
  return `the event ${type}`;
}

const texts: Readonly<Record<string, (args: readonly any[], queue: WorkQueue) => string>> = {
  'inbox.find': ([, ids]) => `read the inbox markers of ${idsOf(ids as string[])}`,
  'inbox.commit': ([, entries]) => `commit ${idsOf((entries as Entry[]).map(({ id }) => id))}`,
  'inbox.claimDeadLetters': ([, handoffs]) =>
    `record that ${idsOf((handoffs as Handoff[]).map(({ id }) => id))} becomes a dead letter`,
  'inbox.recordHandoffs': ([, handoffs]) =>
    `record that a copy of ${idsOf((handoffs as Handoff[]).map(({ id }) => id))} is published`,
  'leases.take': ([, { id }]) => `take the lease on ${id}`,
  'leases.release': ([, id]) => `release the lease on ${id}`,
  'attemptLog.read': ([, ids]) => `read the attempt log of ${idsOf(ids as string[])}`,
  'attemptLog.begin': ([, ids]) => `write ${idsOf(ids as string[])} to the attempt log`,
  'attemptLog.end': ([, ended]) => `delete ${idsOf([...(ended as Map<string, unknown>).keys()])} from the attempt log`,
  'blockedKeys.read': () => 'read the blocked keys',
  'blockedKeys.write': ([, key]) => `write the blocked key ${key}`,
  'openBatches.read': () => 'read the open batch',
  'openBatches.begin': () => 'open the batch',
  'openBatches.end': () => 'close the batch',
  'progress.record': () => 'record the progress of the queue',
  'store.read': ([table, key]) => `read ${showPlace(table, key)}`,
  'broker.publish': ([messages], queue) =>
    `publish ${(messages as Message[]).map((message) => describePublished(message, queue)).join(', ')}`,
};

export const describeCall = ({ to, args }: Call, queue: WorkQueue): string => texts[to]?.(args, queue) ?? to;

function describeCommit({ id, state, reason, failedConditions, changes }: Commit): string[] {
  const changed = changes.filter(({ before, after }) => before !== after);
  return [
    ...failedConditions.map((failed) => `a condition of ${id} fails: ${failed}`),
    `${id} is ${state}${reason === undefined ? '' : ` (${reason})`}`,
    ...changed.map(
      ({ table, key, before, after }) => `${showPlace(table, key)}: ${showItem(before, key)} → ${showItem(after, key)}`,
    ),
  ];
}

export function describeResult({ to, args }: Call, result: unknown, store: MemoryStore, earlier: number): string[] {
  if (to === 'store.read') return [show(result)];
  if (to === 'leases.take' && result === false)
    return ['another environment has the lease, or the message is finished'];
  if (to !== 'inbox.commit') return [];
  const [, entries] = args as [string, readonly Entry[]];
  return [
    ...store.commits.slice(earlier).flatMap(describeCommit),
    ...(result as readonly CommitResult[]).flatMap((one, index) => {
      const { id } = entries[index]!;
      if (one.is === 'failed' || one.is === 'unfinished') {
        const { code, message } = describeError(one.error);
        return [`the commit of ${id} fails: ${code}: ${message}`];
      }
      return one.is === 'completed' || one.is === 'rejected'
        ? []
        : [`${id} is ${one.is === 'duplicate' ? 'already done' : one.is}`];
    }),
  ];
}

/** The numbered steps of a simulated run of the consumer, with indented details, for error messages. */
export class History {
  readonly #lines: string[] = [];
  #steps = 0;

  get steps(): number {
    return this.#steps;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  step(text: string): void {
    this.#steps += 1;
    this.#lines.push(`${String(this.#steps).padStart(3)}. ${text}`);
  }

  detail(...texts: readonly string[]): void {
    for (const text of texts) this.#lines.push(`       ${text}`);
  }
}
