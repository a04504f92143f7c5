import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { expiryAfter, type Attributes } from '../dynamodb/item.ts';
import type { Choice } from './branches.ts';
import { addSum, storedEvents, type Candidate, type Operation, type Sums } from './candidate.ts';
import { doneItem, givesWay, type DoneMarker } from './marker.ts';
import type { InboxTable } from './table.ts';

/** The inbox table and the queue for which a transaction writes inbox records. */
export type Scope = Pick<InboxTable, 'name' | 'tablePrefix' | 'retentionDays'> & { readonly queue: string };

export interface Transaction {
  /**
   * The writes of the transaction: first the inbox records in the order of `chosen`, then one write per item in the
   * order of `itemIds`.
   */
  readonly writes: readonly TransactWriteItem[];
  readonly chosen: readonly Choice[];
  readonly markers: readonly DoneMarker[];
  readonly itemIds: readonly string[];
}

/** Makes DynamoDB return the stored item if the condition of this write fails. */
const showItem = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

/**
 * The write condition for a message that should be new, as most messages are. This condition is a tenth as long as the
 * condition for replacing the inbox record of an earlier attempt.
 */
const IS_NEW = { ConditionExpression: 'attribute_not_exists(pk)' };

function toPut(
  { table, key, put: Item, when }: Extract<Operation, { put: Attributes }>,
  prefix: string,
): TransactWriteItem {
  const TableName = prefix + table;
  if (when === undefined) return { Put: { TableName, Item } };
  const condition =
    when === 'absent'
      ? { ConditionExpression: 'attribute_not_exists(#n)', ExpressionAttributeNames: { '#n': Object.keys(key)[0]! } }
      : {
          ConditionExpression: '#n = :v',
          ExpressionAttributeNames: { '#n': when.attribute },
          ExpressionAttributeValues: { ':v': when.equals },
        };
  return { Put: { TableName, Item, ...condition, ...showItem } };
}

function toUpdate({ table, key: Key }: Operation, sums: Sums, prefix: string): TransactWriteItem {
  const names: Record<string, string> = {};
  const values: Attributes = {};
  const additions: string[] = [];
  const conditions: string[] = [];
  for (const [attribute, { by, needs }] of sums) {
    const n = additions.length;
    names[`#a${n}`] = attribute;
    values[`:by${n}`] = { N: String(by) };
    additions.push(`#a${n} :by${n}`);
    if (needs === -Infinity) continue;
    values[`:needs${n}`] = { N: String(needs) };
    // A missing attribute counts as 0 here, but DynamoDB evaluates every comparison with a missing attribute as false.
    conditions.push(needs > 0 ? `#a${n} >= :needs${n}` : `(attribute_not_exists(#a${n}) OR #a${n} >= :needs${n})`);
  }
  return {
    Update: {
      TableName: prefix + table,
      Key,
      UpdateExpression: `ADD ${additions.join(', ')}`,
      ConditionExpression: conditions.length === 0 ? undefined : conditions.join(' AND '),
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
      ...showItem,
    },
  };
}

/**
 * Builds one transaction from the inbox records and effects of the chosen branches. All additions to one item become one
 * update.
 */
export function toTransaction(
  chosen: readonly Choice[],
  markersMet: ReadonlySet<Candidate>,
  scope: Scope,
  nowMs: number,
): Transaction {
  const at = new Date(nowMs).toISOString();
  const expiresAt = expiryAfter(scope.retentionDays, nowMs);
  const TableName = scope.name;
  const markers: DoneMarker[] = [];
  const writes: TransactWriteItem[] = [];
  const operations = new Map<string, { operation: Operation; sums: Sums }>();
  for (const { candidate, branch } of chosen) {
    const { id, payloadHash } = candidate.entry;
    const { state, reason } = branch;
    const marker = {
      queue: scope.queue,
      id,
      payloadHash,
      at,
      state,
      reason,
      events: storedEvents(scope.queue, candidate.entry, branch),
    };
    markers.push(marker);
    const condition = markersMet.has(candidate) ? givesWay(candidate.entry, nowMs) : IS_NEW;
    writes.push({ Put: { TableName, Item: doneItem(marker, expiresAt), ...condition, ...showItem } });
    for (const operation of branch.operations) {
      let known = operations.get(operation.id);
      if (known === undefined) operations.set(operation.id, (known = { operation, sums: new Map() }));
      if ('put' in operation) continue;
      for (const [attribute, { by, needs }] of operation.sums) addSum(known.sums, attribute, by, needs);
    }
  }
  for (const { operation, sums } of operations.values())
    writes.push(
      'put' in operation ? toPut(operation, scope.tablePrefix) : toUpdate(operation, sums, scope.tablePrefix),
    );
  return { writes, chosen, markers, itemIds: [...operations.keys()] };
}
