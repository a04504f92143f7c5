import type { CancellationReason } from '@aws-sdk/client-dynamodb';

import type { Attributes } from '../dynamodb/item.ts';
import { tableMissing } from '../dynamodb/reply.ts';
import { MisconfiguredError } from '../runtime/errors.ts';
import type { Candidate } from './candidate.ts';
import type { Transaction } from './transaction.ts';

/** The reasons of a cancelled transaction, by message and item. */
export interface Findings {
  /** Messages whose marker did not give way, with the marker's item if DynamoDB shows it. */
  readonly met: [Candidate, Attributes | undefined][];
  /** Items whose condition failed. */
  readonly seen: [itemId: string, item: Attributes | undefined][];
  /** Messages on an item that another transaction was changing. */
  readonly conflicting: Candidate[];
  /** Messages on an item whose partition is over its throughput, or which DynamoDB could not serve. */
  readonly throttled: Candidate[];
  /** Per write that DynamoDB can never do: the messages that ask for it, and DynamoDB's text. */
  readonly invalid: { readonly members: readonly Candidate[]; readonly message: string }[];
  /** A table that does not exist, or that the function's role may not write. */
  misconfigured?: MisconfiguredError;
}

/** The messages of a transaction that write an item. */
export const writersOf = ({ chosen }: Transaction, itemId: string): Candidate[] =>
  chosen.filter(({ branch }) => branch.operations.some(({ id }) => id === itemId)).map(({ candidate }) => candidate);

/** Reads https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html, "Cancellation Reasons". */
export function readReasons(reasons: readonly CancellationReason[], transaction: Transaction): Findings {
  const findings: Findings = { met: [], seen: [], conflicting: [], throttled: [], invalid: [] };
  const { chosen, itemIds, writes } = transaction;
  for (const [position, { Code, Item, Message }] of reasons.entries()) {
    if (Code === undefined || Code === 'None') continue;
    const ofMarker = chosen[position]?.candidate;
    const itemId = itemIds[position - chosen.length];
    const members = ofMarker !== undefined ? [ofMarker] : itemId !== undefined ? writersOf(transaction, itemId) : [];
    switch (Code) {
      case 'ConditionalCheckFailed':
        if (ofMarker !== undefined) findings.met.push([ofMarker, Item]);
        else if (itemId !== undefined) findings.seen.push([itemId, Item]);
        break;
      case 'ResourceNotFound':
      case 'AccessDenied': {
        const { Put, Update } = writes[position] ?? {};
        findings.misconfigured ??= misconfigured(Code, (Put ?? Update)?.TableName ?? '', Message);
        break;
      }
      case 'ValidationError':
      case 'ItemCollectionSizeLimitExceeded':
        findings.invalid.push({ members, message: Message ?? Code });
        break;
      case 'TransactionConflict':
        findings.conflicting.push(...members);
        break;
      default:
        findings.throttled.push(...members);
    }
  }
  return findings;
}

function misconfigured(code: 'ResourceNotFound' | 'AccessDenied', table: string, text: string = code) {
  if (code === 'ResourceNotFound') return tableMissing([table]);
  const message = `the function's role does not allow a write on the table ${table}: ${text}`;
  return new MisconfiguredError('ACCESS_DENIED', message, { tables: [table] });
}
