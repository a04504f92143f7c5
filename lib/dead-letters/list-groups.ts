import { QueryCommand } from '@aws-sdk/client-dynamodb';

import { sendToDynamo } from '../dynamodb/send.ts';
import type { DeadLetter } from '../archive/dead-letter.ts';
import { groupOf } from '../archive/group.ts';
import { condition, hasNoTime, type Filter } from './list.ts';
import { fromRecord, nameOf, type ArchiveTable, type Attributes } from '../archive/record.ts';

/** A group of dead letters with the same queue, error code and cause. All times are ISO 8601. */
interface DeadLetterGroup {
  readonly group: string;
  readonly queue?: string;
  readonly code: string;
  readonly cause: string;
  /** The reason of the newest dead letter of the group. */
  readonly reason: string;
  readonly count: number;
  /** The number of dead letters in the group that have been redriven at least once. */
  readonly redrivenBefore: number;
  readonly firstAt: string;
  readonly lastAt: string;
  /**
   * The number of dead letters of the group in each time span, oldest span first. All time spans have the same length.
   */
  readonly history: readonly number[];
}

export interface DeadLetterGroups {
  readonly groups: readonly DeadLetterGroup[];
  /** The start of the first time span for which `history` counts dead letters (ISO 8601). */
  readonly from: string;
  readonly to: string;
  /**
   * Whether the oldest dead letters are missing from the groups, because the archive contains too many dead letters to
   * read.
   */
  readonly isIncomplete: boolean;
}

const SPANS = 24;

/** The maximum number of DynamoDB result pages (1 MB each) that are read to group dead letters. */
const MAX_PAGES = 40;

export async function listGroups(table: ArchiveTable, filter: Filter, nowMs: number): Promise<DeadLetterGroups> {
  const members = new Map<string, { newest: DeadLetter; atMs: number[]; redrivenBefore: number }>();
  let isIncomplete = false;
  let next: Attributes | undefined;
  for (let page = 0; (page === 0 && !hasNoTime(filter)) || next; page += 1) {
    if (page === MAX_PAGES) {
      isIncomplete = true;
      break;
    }
    const { ExpressionAttributeNames: names, ...conditions } = condition(filter);
    const query = new QueryCommand({
      TableName: nameOf(table),
      IndexName: 'newest',
      ScanIndexForward: false,
      ExclusiveStartKey: next,
      ...conditions,
      ProjectionExpression: 'id, #q, #c, reason, frames, #g, deadLetteredAt, redrives, timesRedriven',
      ExpressionAttributeNames: { ...names, '#q': 'queue', '#c': 'code', '#g': 'group' },
    });
    const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo(
      (client) => client.send(query),
      table.client,
    );
    for (const deadLetter of items.map(fromRecord)) {
      const group = members.get(deadLetter.group) ?? { newest: deadLetter, atMs: [], redrivenBefore: 0 };
      members.set(deadLetter.group, group);
      group.atMs.push(Date.parse(deadLetter.deadLetteredAt));
      if (deadLetter.redrives + deadLetter.timesRedriven > 0) group.redrivenBefore += 1;
    }
    next = last;
  }

  const all = [...members.values()];
  const oldestMs = all.reduce((oldest, { atMs }) => Math.min(oldest, atMs.at(-1) ?? oldest), nowMs);
  const toMs = filter.to === undefined ? nowMs : Date.parse(filter.to);
  const fromMs = Math.min(filter.from === undefined ? oldestMs : Date.parse(filter.from), toMs);
  const groups = all.map(({ newest, atMs, redrivenBefore }): DeadLetterGroup => {
    const { group, queue, code, reason } = newest;
    return {
      group,
      queue,
      code,
      cause: groupOf(newest).cause,
      reason,
      count: atMs.length,
      redrivenBefore,
      firstAt: new Date(atMs.at(-1) ?? nowMs).toISOString(),
      lastAt: newest.deadLetteredAt,
      history: historyOf(atMs, fromMs, toMs),
    };
  });
  return {
    groups: groups.toSorted((a, b) => b.count - a.count || b.lastAt.localeCompare(a.lastAt)),
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    isIncomplete,
  };
}

function historyOf(atMs: readonly number[], fromMs: number, toMs: number): number[] {
  const history = Array.from({ length: SPANS }, () => 0);
  const spanMs = Math.max((toMs - fromMs) / SPANS, 1);
  for (const at of atMs) {
    const span = Math.min(Math.max(Math.floor((at - fromMs) / spanMs), 0), SPANS - 1);
    history[span] = (history[span] ?? 0) + 1;
  }
  return history;
}
