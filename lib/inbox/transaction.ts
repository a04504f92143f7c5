import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';

import type { Condition } from '../dynamodb/conditions.ts';
import { expiryAfter } from '../dynamodb/item.ts';
import { own } from '../runtime/own.ts';
import { conditionId } from './access.ts';
import type { SelectedBranch } from './branches.ts';
import { storedEvents, type Branch, type Candidate } from './candidate.ts';
import { doneItem, givesWay, type DoneMarker } from './marker.ts';
import { changesOf, mergeChanges, type Change, type Operation } from '../dynamodb/operation.ts';
import type { InboxTable } from './table.ts';
import { showItem, toWrite } from '../dynamodb/write.ts';

/** The inbox table into which a transaction writes inbox markers, and the queue that delivered the messages. */
export type Scope = Pick<InboxTable, 'name' | 'tablePrefix' | 'retentionDays'> & { readonly queue: string };

/**
 * The inputs of a transaction besides its messages: the inbox table and the queue, the messages that already have an
 * inbox marker, the current time, and an idempotency token.
 */
export interface TransactionContext {
  readonly scope: Scope;
  /** The messages that already have an inbox marker, for example of an earlier attempt. */
  readonly markersMet: ReadonlySet<Candidate>;
  readonly fresh: Fresh;
}

/** The values that each new transaction gets: the current time, and a new idempotency token. */
export interface Fresh {
  readonly nowMs: number;
  /** A new idempotency token (`ClientRequestToken`). */
  readonly token: string;
}

export interface Transaction {
  /** The writes of the transaction: first the inbox markers, then one write per item. */
  readonly writes: readonly TransactWriteItem[];
  /** The idempotency token. DynamoDB carries out requests with the same token and the same writes only once. */
  readonly token: string;
  readonly selected: readonly SelectedBranch[];
  readonly markers: readonly DoneMarker[];
  readonly itemIds: readonly string[];
}

const IS_NEW = { ConditionExpression: 'attribute_not_exists(pk)' };

interface Merged {
  readonly operation: Operation;
  changes: ReadonlyMap<string, Change>;
  conditions: readonly Condition[];
}

function merge(operation: Operation, into: Map<string, Merged>): void {
  const merged = into.get(operation.id);
  if (merged === undefined) {
    into.set(operation.id, { operation, changes: changesOf(operation), conditions: operation.conditions });
    return;
  }
  const more = changesOf(operation);
  if (more.size > 0) merged.changes = mergeAll(merged.changes, more, operation.id);
  if (operation.conditions.length > 0) {
    const conditions = [...merged.conditions, ...operation.conditions];
    merged.conditions = [...new Map(conditions.map((condition) => [conditionId(condition), condition])).values()];
  }
}

function mergeAll(one: ReadonlyMap<string, Change>, other: ReadonlyMap<string, Change>, id: string) {
  const changes = new Map(one);
  for (const [attribute, change] of other) {
    const earlier = changes.get(attribute);
    const both = earlier === undefined ? change : mergeChanges(earlier, change);
    if (both === undefined)
      throw new Error(`two changes of the attribute ${attribute} of the item ${id} cannot share a transaction`);
    changes.set(attribute, both);
  }
  return changes;
}

/**
 * Returns how many items a decision writes in each table. Returns `undefined` if the decision only checks conditions.
 */
function effectsOf({ operations }: Branch): Record<string, number> | undefined {
  const effects: Record<string, number> = {};
  for (const operation of operations)
    if (operation.write !== 'update' || operation.changes.size > 0)
      effects[operation.table] = (own(effects, operation.table) ?? 0) + 1;
  return Object.keys(effects).length > 0 ? effects : undefined;
}

/**
 * Builds one DynamoDB transaction that writes the inbox markers and effects of several messages, with one write per
 * item.
 */
export function toTransaction(
  selected: readonly SelectedBranch[],
  { markersMet, scope, fresh: { nowMs, token } }: TransactionContext,
): Transaction {
  const at = new Date(nowMs).toISOString();
  const expiresAt = expiryAfter(scope.retentionDays, nowMs);
  const TableName = scope.name;
  const markers: DoneMarker[] = [];
  const writes: TransactWriteItem[] = [];
  const operations = new Map<string, Merged>();
  for (const { candidate, branch } of selected) {
    const { id, payloadHash, facts } = candidate.entry;
    const { state, reason } = branch;
    const effects = effectsOf(branch);
    const marker = {
      queue: scope.queue,
      id,
      payloadHash,
      at,
      state,
      reason,
      events: storedEvents(scope.queue, candidate.entry, branch),
      ...(effects && { effects }),
      ...(facts && { facts }),
    };
    markers.push(marker);
    const condition = markersMet.has(candidate) ? givesWay(candidate.entry, nowMs) : IS_NEW;
    writes.push({
      Put: { TableName, Item: doneItem(marker, expiresAt, candidate.entry.leaseOwner), ...condition, ...showItem },
    });
    for (const operation of branch.operations) merge(operation, operations);
  }
  for (const { operation, changes, conditions } of operations.values())
    writes.push(toWrite(operation, changes, conditions, scope.tablePrefix));
  return { writes, token, selected, markers, itemIds: [...operations.keys()] };
}
