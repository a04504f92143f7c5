import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import type { DeadLetter, ArchiveAction } from './dead-letter.ts';

type Attributes = Record<string, AttributeValue>;

/** The part that says what the dead letter is; the parts after it hold the message. */
export const RECORD_PART = 0;

/** The partition of the index `newest`, which lists all dead letters. */
export const LISTED_KIND = 'dead-letter';

/** Orders dead letters by time; the id makes it unique. */
const listedAtOf = ({ id, deadLetteredAt }: Pick<DeadLetter, 'id' | 'deadLetteredAt'>): string =>
  `${deadLetteredAt}#${id}`;

export const recordKey = (id: string): Attributes => ({ id: { S: id }, part: { N: String(RECORD_PART) } });

/** The item of a dead letter. `parts` is the number of items that hold its message. */
export function toRecord(letter: DeadLetter, parts: number, expiresAt: number): Attributes {
  const { id, attempt, redrives, timesRedriven, bodyBytes, history, ...texts } = letter;
  return {
    ...recordKey(id),
    kind: { S: LISTED_KIND },
    listedAt: { S: listedAtOf(letter) },
    ...Object.fromEntries(
      Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : [[name, { S: text }]])),
    ),
    attempt: { N: String(attempt) },
    redrives: { N: String(redrives) },
    timesRedriven: { N: String(timesRedriven) },
    bodyBytes: { N: String(bodyBytes) },
    parts: { N: String(parts) },
    history: { L: history.map(toActionItem) },
    expiresAt: { N: String(expiresAt) },
  };
}

/** A deed within the item's history. */
export const toActionItem = (deed: ArchiveAction): AttributeValue => ({ S: JSON.stringify(deed) });

export function fromRecord(item: Attributes): DeadLetter {
  const text = (name: string) => item[name]?.S;
  const number = (name: string) => Number(item[name]?.N ?? 0);
  return {
    id: text('id') ?? '',
    messageId: text('messageId') as DeadLetter['messageId'],
    type: text('type'),
    correlationId: text('correlationId'),
    queue: text('queue'),
    shard: text('shard'),
    code: text('code') ?? '',
    reason: text('reason') ?? '',
    unwritable: text('unwritable'),
    frames: text('frames'),
    attempt: number('attempt'),
    redrives: number('redrives'),
    publishedAt: text('publishedAt'),
    deadLetteredAt: text('deadLetteredAt') ?? '',
    archivedAt: text('archivedAt') ?? '',
    traceparent: text('traceparent'),
    status: text('status') as DeadLetter['status'],
    timesRedriven: number('timesRedriven'),
    history: (item.history?.L ?? []).map(({ S }) => JSON.parse(S ?? 'null') as ArchiveAction),
    payloadHash: text('payloadHash') ?? '',
    bodyBytes: number('bodyBytes'),
  };
}
