import type { CancellationReason } from '@aws-sdk/client-dynamodb';
import { MisconfiguredError } from '../runtime/errors.ts';
import { tableMissing } from '../dynamodb/reply.ts';
import type { Attributes } from '../dynamodb/item.ts';
import type { Member } from './member.ts';
import type { Transaction } from './transaction.ts';

/** What the reasons of a cancelled transaction say, told by message and item instead of by position. */
export interface Findings {
  /** Messages whose marker did not give way, with the marker that is there. */
  readonly met: [Member, Attributes | undefined][];
  /** Items whose condition failed, as they are. */
  readonly seen: [itemId: string, item: Attributes | undefined][];
  /** Messages on an item that another transaction was changing. */
  readonly conflicting: Set<Member>;
  /** Messages on an item whose partition is over its throughput, or that DynamoDB could not serve. */
  readonly throttled: Set<Member>;
  /** A table that is missing, or that the function may not use. */
  misconfigured?: MisconfiguredError;
  /** Per item that DynamoDB will never take as asked: who asked, and why not. */
  readonly invalid: { readonly members: readonly Member[]; readonly message: string }[];
}

export const membersOn = ({ chosen }: Transaction, itemId: string): Member[] =>
  chosen.filter(({ option }) => option.operations.some(({ id }) => id === itemId)).map(({ member }) => member);

/** Reads https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html, "Cancellation Reasons". */
export function readReasons(reasons: readonly CancellationReason[], transaction: Transaction): Findings {
  const findings: Findings = { met: [], seen: [], conflicting: new Set(), throttled: new Set(), invalid: [] };
  const { chosen, itemIds } = transaction;
  for (const [position, { Code, Item, Message }] of reasons.entries()) {
    if (Code === undefined || Code === 'None') continue;
    const ofMarker = chosen[position]?.member;
    const itemId = itemIds[position - chosen.length];
    if (Code === 'ConditionalCheckFailed') {
      if (ofMarker !== undefined) findings.met.push([ofMarker, Item]);
      else if (itemId !== undefined) findings.seen.push([itemId, Item]);
      continue;
    }
    const members = ofMarker !== undefined ? [ofMarker] : itemId !== undefined ? membersOn(transaction, itemId) : [];
    if (Code === 'ResourceNotFound' || Code === 'AccessDenied') {
      findings.misconfigured ??= misconfigured(Code, tableAt(transaction, position), Message);
    } else if (Code === 'ValidationError' || Code === 'ItemCollectionSizeLimitExceeded') {
      findings.invalid.push({ members, message: Message ?? Code });
    } else {
      const set = Code === 'TransactionConflict' ? findings.conflicting : findings.throttled;
      for (const member of members) set.add(member);
    }
  }
  return findings;
}

function misconfigured(
  reason: 'ResourceNotFound' | 'AccessDenied',
  table: string,
  text: string = reason,
): MisconfiguredError {
  if (reason === 'ResourceNotFound') return tableMissing([table]);
  const message = `the function's role does not allow a write on the table ${table}: ${text}`;
  return new MisconfiguredError('ACCESS_DENIED', message, { tables: [table] });
}

function tableAt({ input }: Transaction, position: number): string {
  const { Put, Update, ConditionCheck } = input.TransactItems?.[position] ?? {};
  return (Put ?? Update ?? ConditionCheck)?.TableName ?? '';
}
