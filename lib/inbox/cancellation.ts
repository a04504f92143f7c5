import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { describeItem, type Attributes } from '../dynamodb/item.ts';
import { meaningOf, tableError } from '../dynamodb/failure.ts';
import type { MisconfiguredError } from '../runtime/errors.ts';
import type { Candidate } from './candidate.ts';
import type { Operation } from '../dynamodb/operation.ts';
import type { Transaction } from './transaction.ts';

export interface Findings {
  /**
   * The messages whose inbox marker was not written because the message already had one. The existing inbox marker is
   * included if DynamoDB returned it.
   */
  readonly met: readonly (readonly [Candidate, Attributes | undefined])[];
  /** The items whose write condition failed, with the stored content of each item. */
  readonly seen: readonly (readonly [itemId: string, item: Attributes | undefined])[];
  /** The messages that have a write whose condition failed, or a write that conflicted with another transaction. */
  readonly conflicting: readonly Candidate[];
  /** The messages with a write for which DynamoDB returned a throttling code or an unknown code. */
  readonly throttled: readonly Candidate[];
  /** The first write that DynamoDB refuses as invalid, with the reason and with the messages that need the write. */
  readonly invalid: undefined | { readonly members: readonly Candidate[]; readonly message: string };
  /** The error for a DynamoDB table that does not exist or to which the function's role may not write. */
  readonly misconfigured: MisconfiguredError | undefined;
}

export const writersOf = ({ selected }: Transaction, isOn: (operation: Operation) => boolean): Candidate[] =>
  selected.filter(({ branch }) => branch.operations.some(isOn)).map(({ candidate }) => candidate);

/** Groups the cancellation reasons of a transaction by their meaning. */
export function readReasons(reasons: readonly CancellationReason[], transaction: Transaction): Findings {
  const { selected, itemIds, writes } = transaction;
  const met: [Candidate, Attributes | undefined][] = [];
  const seen: [string, Attributes | undefined][] = [];
  const conflicting: Candidate[] = [];
  const throttled: Candidate[] = [];
  let invalid: Findings['invalid'];
  let misconfigured: Findings['misconfigured'];
  for (const [position, reason] of reasons.entries()) {
    const meaning = meaningOf(reason);
    if (meaning === 'none') continue;
    const { Code, Item, Message } = reason;
    const ofMarker = selected[position]?.candidate;
    const itemId = itemIds[position - selected.length];
    const members = ofMarker ? [ofMarker] : writersOf(transaction, ({ id }) => id === itemId);
    switch (meaning) {
      case 'condition-failed':
        conflicting.push(...members);
        if (ofMarker !== undefined) met.push([ofMarker, Item]);
        else if (itemId !== undefined) seen.push([itemId, Item]);
        break;
      case 'misconfigured':
        misconfigured ??= tableError(reason, tableOf(writes[position]) ?? '');
        break;
      case 'invalid':
        invalid ??= { members, message: `${describe(transaction, itemId)}${Message ?? Code}` };
        break;
      case 'conflict':
        conflicting.push(...members);
        break;
      case 'throttled':
        throttled.push(...members);
    }
  }
  return { met, seen, conflicting, throttled, invalid, misconfigured };
}

function describe({ selected }: Transaction, itemId: string | undefined): string {
  for (const { branch } of selected)
    for (const { id, table, key } of branch.operations) if (id === itemId) return `${describeItem(table, key)}: `;
  return '';
}

export const tableOf = ({ Put, Update, Delete, ConditionCheck }: TransactWriteItem = {}): string | undefined =>
  (Put ?? Update ?? Delete ?? ConditionCheck)?.TableName;
