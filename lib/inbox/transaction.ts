import type { TransactWriteItem, TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';
import type { Choice } from './choose.ts';
import type { Attributes } from '../dynamodb/item.ts';
import { doneItem, givesWay } from './marker.ts';
import { expiry, INBOX_TABLE, type Scope } from './table.ts';
import type { DoneMarker } from './marker.ts';
import { storedEvents } from './member.ts';
import type { Operation } from './member.ts';
import type { Presumption } from './presume.ts';

export interface Transaction {
  readonly input: TransactWriteItemsInput;
  readonly chosen: readonly Choice[];
  /** The markers that it writes, in the order of `chosen`; they are its first items. */
  readonly markers: readonly DoneMarker[];
  /** Ids of the items that follow the markers. */
  readonly itemIds: readonly string[];
}

/** Says all that is asked of a message never seen before; it is the shorter by far, and most messages are new. */
const returnOld = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
const noMarker = { ConditionExpression: 'attribute_not_exists(pk)', ...returnOld };

function toPut(operation: Extract<Operation, { put: Attributes }>, tablePrefix: string): TransactWriteItem {
  const { table, key, put: Item, when } = operation;
  const TableName = tablePrefix + table;
  if (when === undefined) return { Put: { TableName, Item } };
  const name = when === 'absent' ? Object.keys(key)[0]! : when.attribute;
  return {
    Put: {
      TableName,
      Item,
      ConditionExpression: when === 'absent' ? 'attribute_not_exists(#n)' : '#n = :v',
      ExpressionAttributeNames: { '#n': name },
      ExpressionAttributeValues: when === 'absent' ? undefined : { ':v': when.equals },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/** Additions of many messages to one item. */
interface Summed {
  readonly table: string;
  readonly key: Attributes;
  readonly sums: Map<string, { by: number; needs: number }>;
  readonly presumed?: Presumption;
}

/** Writes down that attributes are as they were seen, and gives the conditions. */
function toConditions({ values: seen }: Presumption, names: Record<string, string>, values: Attributes): string[] {
  return Array.from(seen, ([attribute, value], n) => {
    names[`#s${n}`] = attribute;
    if (value === undefined) return `attribute_not_exists(#s${n})`;
    values[`:s${n}`] = value;
    return `#s${n} = :s${n}`;
  });
}

/** For a presumed item that nothing is added to after all. */
function toCheck(presumption: Presumption, tablePrefix: string): TransactWriteItem {
  const names: Record<string, string> = {};
  const values: Attributes = {};
  const conditions = toConditions(presumption, names, values);
  return {
    ConditionCheck: {
      TableName: tablePrefix + presumption.table,
      Key: presumption.key,
      ConditionExpression: conditions.join(' AND '),
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: Object.keys(values).length === 0 ? undefined : values,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/** Sums so that the whole has the effect and the condition of one message after another. */
function addUp(summed: Summed, { sums }: Extract<Operation, { sums: unknown }>): void {
  for (const { attribute, by, needs } of sums) {
    const sum = summed.sums.get(attribute);
    if (sum === undefined) {
      summed.sums.set(attribute, { by, needs });
    } else {
      sum.needs = Math.max(sum.needs, needs - sum.by);
      sum.by += by;
    }
  }
}

function toUpdate({ table, key: Key, sums, presumed }: Summed, tablePrefix: string): TransactWriteItem {
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
    // A missing attribute counts as 0, which a comparison in DynamoDB does not know.
    conditions.push(needs > 0 ? `#a${n} >= :needs${n}` : `(attribute_not_exists(#a${n}) OR #a${n} >= :needs${n})`);
  }
  if (presumed !== undefined) conditions.push(...toConditions(presumed, names, values));
  return {
    Update: {
      TableName: tablePrefix + table,
      Key,
      UpdateExpression: `ADD ${additions.join(', ')}`,
      ConditionExpression: conditions.length === 0 ? undefined : conditions.join(' AND '),
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/** One transaction that writes the markers of the chosen messages and all that they want done, one operation per item. */
export function toTransaction(
  chosen: readonly Choice[],
  scope: Scope,
  nowMs: number,
  presumed: ReadonlyMap<string, Presumption> = new Map(),
): Transaction {
  const { queue, tablePrefix, retentionDays } = scope;
  const at = new Date(nowMs).toISOString();
  const expiresAt = expiry(nowMs, retentionDays);
  const TableName = tablePrefix + INBOX_TABLE;
  const markers: DoneMarker[] = [];
  const TransactItems: TransactWriteItem[] = [];
  const operations = new Map<string, Summed | TransactWriteItem>();
  for (const { member, option } of chosen) {
    const { id, payloadHash } = member.entry;
    const { state, reason } = option;
    const marker = { queue, id, payloadHash, at, state, reason, events: storedEvents(queue, member.entry, option) };
    markers.push(marker);
    const condition = member.hasMarker ? { ...givesWay(member.entry, nowMs), ...returnOld } : noMarker;
    TransactItems.push({ Put: { TableName, Item: doneItem(marker, expiresAt), ...condition } });
    for (const operation of option.operations) {
      if ('put' in operation) {
        operations.set(operation.id, toPut(operation, tablePrefix));
        continue;
      }
      let summed = operations.get(operation.id);
      if (summed === undefined) {
        const { id, table, key } = operation;
        operations.set(id, (summed = { table, key, sums: new Map(), presumed: presumed.get(id) }));
      }
      if ('sums' in summed) addUp(summed, operation);
    }
  }
  for (const [id, presumption] of presumed)
    if (!operations.has(id) && presumption.values.size > 0) operations.set(id, toCheck(presumption, tablePrefix));
  for (const each of operations.values()) TransactItems.push('sums' in each ? toUpdate(each, tablePrefix) : each);
  return { input: { TransactItems }, chosen, markers, itemIds: [...operations.keys()] };
}
