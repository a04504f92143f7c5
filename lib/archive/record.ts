import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { tryParseJson } from '../runtime/json.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { readFailedAttempts, writeFailedAttempts } from '../events/failed-attempts.ts';
import { storeSettings } from '../dynamodb/settings.ts';
import { store } from '../dynamodb/store.ts';
import { deadLetterTable } from '../dynamodb/toolkit-tables.ts';
import { archiveSettings } from './settings.ts';
import type { ArchiveAction, DeadLetter } from './dead-letter.ts';
import { groupOf } from './group.ts';

export type Attributes = Record<string, AttributeValue>;

/** The DynamoDB table of the archive of dead letters. */
export interface ArchiveTable {
  readonly client: DynamoDBClient;
  readonly tablePrefix: string;
  readonly retentionDays: number;
}

/** Returns the DynamoDB table of the archive, with the client and the retention time that the settings define. */
export const archiveTable = (surehop: Surehop): ArchiveTable => ({
  client: store(surehop),
  tablePrefix: surehop.settings(storeSettings).TABLE_PREFIX,
  retentionDays: surehop.settings(archiveSettings).ARCHIVE_RETENTION_DAYS,
});

export const nameOf = ({ tablePrefix }: Pick<ArchiveTable, 'tablePrefix'>): string =>
  tablePrefix + deadLetterTable.name;

export const RECORD_PART = 0;

/** The partition key of all dead letters in the index `newest`, so that one query can list them. */
export const LISTED_KIND = 'dead-letter';

const listedAtOf = ({ id, deadLetteredAt }: Pick<DeadLetter, 'id' | 'deadLetteredAt'>): string =>
  `${deadLetteredAt}#${id}`;

export const recordKey = (id: string): Attributes => ({ id: { S: id }, part: { N: String(RECORD_PART) } });

/**
 * Creates the DynamoDB item that describes a dead letter. The message itself is stored in `parts` further items, which
 * contain the same `version` as this item.
 */
export function toRecord(
  deadLetter: DeadLetter,
  { parts, version, expiresAt }: { readonly parts: number; readonly version: string; readonly expiresAt: string },
): Attributes {
  const { id, attempt, failedAttempts, redrives, timesRedriven, bodyBytes, history, ...texts } = deadLetter;
  return {
    ...recordKey(id),
    kind: { S: LISTED_KIND },
    listedAt: { S: listedAtOf(deadLetter) },
    ...Object.fromEntries(
      Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : [[name, { S: text }]])),
    ),
    attempt: { N: String(attempt) },
    ...(failedAttempts && { failedAttempts: { S: writeFailedAttempts(failedAttempts) } }),
    redrives: { N: String(redrives) },
    timesRedriven: { N: String(timesRedriven) },
    bodyBytes: { N: String(bodyBytes) },
    parts: { N: String(parts) },
    version: { S: version },
    history: { L: history.map(toHistoryEntry) },
    expiresAt: { N: expiresAt },
  };
}

export const toHistoryEntry = (action: ArchiveAction): AttributeValue => ({ S: JSON.stringify(action) });

export function fromRecord(item: Attributes): DeadLetter {
  const text = (name: string) => item[name]?.S;
  const [code, reason, queue, frames] = [text('code') ?? '', text('reason') ?? '', text('queue'), text('frames')];
  const number = (name: string) => Number(item[name]?.N ?? 0);
  const failedAttempts = text('failedAttempts');
  return {
    id: text('id') ?? '',
    messageId: text('messageId') as DeadLetter['messageId'],
    type: text('type'),
    correlationId: text('correlationId'),
    queue,
    shard: text('shard'),
    code,
    reason,
    group: text('group') ?? groupOf({ queue, code, reason, frames }).group,
    client: text('client'),
    unwritable: text('unwritable'),
    frames,
    attempt: number('attempt'),
    ...(failedAttempts && { failedAttempts: readFailedAttempts(failedAttempts) }),
    redrives: number('redrives'),
    publishedAt: text('publishedAt'),
    deadLetteredAt: text('deadLetteredAt') ?? '',
    archivedAt: text('archivedAt') ?? '',
    traceparent: text('traceparent'),
    status: text('status') as DeadLetter['status'],
    timesRedriven: number('timesRedriven'),
    supersededBy: text('supersededBy') as DeadLetter['supersededBy'],
    editedFrom: text('editedFrom'),
    // An entry that is not JSON must not hide the dead letter from the operator.
    history: (item.history?.L ?? []).flatMap(({ S = '' }) => (tryParseJson(S) as ArchiveAction | undefined) ?? []),
    payloadHash: text('payloadHash') ?? '',
    bodyBytes: number('bodyBytes'),
  };
}
