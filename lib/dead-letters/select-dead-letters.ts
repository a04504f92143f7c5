import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import type { DeadLetter } from '../archive/dead-letter.ts';
import { fromRecord, nameOf, recordKey, type ArchiveTable } from '../archive/record.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import type { JobOrder } from './job.ts';
import { listDeadLetters } from './list.ts';
import { redriveRefusal, type RedriveRefusal, type RedriveRules } from './redrive-refusal.ts';

const CONCURRENCY = 16;

/** What a job was asked to do, and how far the job or its dry run has got. */
interface Progress {
  readonly order: Pick<JobOrder, 'ids' | 'filter'>;
  readonly createdAt: string;
  readonly position?: string;
}

interface Limits {
  readonly count: number;
  /**
   * The maximum total size of the messages of the selected dead letters, in bytes. At least one dead letter is
   * selected, however large its message is.
   */
  readonly bytes: number;
}

interface Selected {
  readonly deadLetters: readonly DeadLetter[];
  /** The requested ids for which the archive contains no dead letter. */
  readonly unknown: readonly string[];
  /** The cursor with which the next call of `selectDeadLetters` continues after these dead letters. */
  readonly position?: string;
  readonly isLast: boolean;
}

/** Reads the next dead letters that a job or a dry run selects, without the messages' bodies and properties. */
export async function selectDeadLetters(
  table: ArchiveTable,
  { order, createdAt, position }: Progress,
  limits: Limits,
): Promise<Selected> {
  if (order.ids) {
    const from = Number(position ?? 0);
    const ids = order.ids.slice(from, from + limits.count);
    const read = await pMap(ids, (id) => readRecord(table, id), { concurrency: CONCURRENCY });
    const length = chunkLength(
      read.map((deadLetter) => deadLetter ?? { bodyBytes: 0 }),
      limits,
    );
    const next = from + length;
    return {
      deadLetters: read.slice(0, length).filter((deadLetter) => deadLetter !== undefined),
      unknown: ids.slice(0, length).filter((_, index) => read[index] === undefined),
      position: String(next),
      isLast: next >= order.ids.length,
    };
  }
  const page = await listDeadLetters(
    table,
    { ...order.filter, to: untilOf(order.filter, createdAt), status: 'open' },
    { limit: limits.count, after: position, oldestFirst: true },
  );
  const deadLetters = page.deadLetters.slice(0, chunkLength(page.deadLetters, limits));
  const isCut = deadLetters.length < page.deadLetters.length;
  const last = deadLetters.at(-1);
  return {
    deadLetters,
    unknown: [],
    position: isCut && last ? `${last.deadLetteredAt}#${last.id}` : page.after,
    isLast: !isCut && page.after === undefined,
  };
}

/**
 * Returns the end of the time range from which a job selects dead letters. The range ends at the latest when the job
 * was created, because a redriven message may fail again, and the job must not redrive the new dead letter.
 */
export const untilOf = (filter: JobOrder['filter'], createdAt: string): string =>
  filter?.to !== undefined && filter.to < createdAt ? filter.to : createdAt;

async function readRecord(table: ArchiveTable, id: string): Promise<DeadLetter | undefined> {
  const get = new GetItemCommand({ TableName: nameOf(table), Key: recordKey(id), ConsistentRead: true });
  const { Item: item } = await sendToDynamo((client) => client.send(get), table.client);
  return item && fromRecord(item);
}

/**
 * Returns how many dead letters from the start of the list stay within `count` and `bytes`. The first dead letter is
 * included however large it is.
 */
export function chunkLength(deadLetters: readonly Pick<DeadLetter, 'bodyBytes'>[], { count, bytes }: Limits): number {
  let sum = 0;
  const end = deadLetters.slice(0, count).findIndex(({ bodyBytes }) => (sum += bodyBytes) > bytes);
  return end === -1 ? Math.min(deadLetters.length, count) : Math.max(end, 1);
}

/** Returns why a job does not redrive or discard a dead letter, or `undefined` if the job may do so. */
export function refusalOf(
  deadLetter: DeadLetter,
  { action }: Pick<JobOrder, 'action'>,
  rules: RedriveRules,
): RedriveRefusal | undefined {
  if (action === 'redrive') return redriveRefusal(deadLetter, rules);
  return deadLetter.status === 'open' ? undefined : `already-${deadLetter.status}`;
}
