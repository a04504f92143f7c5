import type { Condition } from '../dynamodb/conditions.ts';
import {
  expressionLength,
  isCheck,
  MAX_EXPRESSION_LENGTH,
  type Change,
  type Operation,
} from '../dynamodb/operation.ts';

/**
 * What messages do with a DynamoDB item: which attributes they read and write, and which conditions they check. The
 * inbox compares the accesses of messages to decide which messages can share a transaction.
 */
export interface Access {
  readonly isExclusive: boolean;
  /**
   * What the messages do with each attribute of the item, for example `read` or `add`. Two messages can share a
   * transaction only if they do the same with every attribute that both of them use.
   */
  readonly roles: ReadonlyMap<string, Role>;
  readonly conditions: ReadonlyMap<string, number>;
}

type Role = 'read' | 'add' | 'set' | 'append' | 'SS' | 'NS' | 'exists' | 'absent' | 'update';

const EXISTENCE = '';

const none: ReadonlyMap<string, number> = new Map();

export const OWN: Access = { isExclusive: true, roles: new Map(), conditions: none };

/** Returns the id of a condition. Two conditions have the same id if and only if they are equal. */
export const conditionId = ({ attribute, test, operands }: Condition): string =>
  JSON.stringify([attribute, test, operands]);

const roleOf = (change: Change): Role =>
  change.is === 'include' ? change.type : change.is === 'remove' ? 'set' : change.is;

function accessOf(operation: Operation): Access {
  if (operation.write !== 'update') return OWN;
  const roles = new Map<string, Role>();
  for (const [attribute, change] of operation.changes) roles.set(attribute, roleOf(change));
  const [keyAttribute] = Object.keys(operation.key);
  let existence: Role | undefined = isCheck(operation) ? undefined : 'update';
  for (const { attribute, test } of operation.conditions) {
    if (attribute === keyAttribute && (test === 'exists' || test === 'absent')) {
      // An update that requires a missing item creates the item, and the next such update fails.
      if (test === 'absent' && !isCheck(operation)) return OWN;
      existence = test;
    } else if (roles.has(attribute) && roles.get(attribute) !== 'read') {
      // The message changes the attribute on which its own condition depends.
      return OWN;
    } else roles.set(attribute, 'read');
  }
  if (existence !== undefined) roles.set(EXISTENCE, existence);
  const { conditions } = operation;
  if (conditions.length === 0) return { isExclusive: false, roles, conditions: none };
  const counted = conditions.map((condition) => [conditionId(condition), condition.operands.length + 1] as const);
  return { isExclusive: false, roles, conditions: new Map(counted) };
}

export function accessesOf(branches: readonly { readonly operations: readonly Operation[] }[]): Map<string, Access> {
  const accesses = new Map<string, Access>();
  for (const { operations } of branches)
    for (const operation of operations) {
      const earlier = accesses.get(operation.id);
      const access = accessOf(operation);
      accesses.set(operation.id, earlier === undefined ? access : (share(earlier, access) ?? OWN));
    }
  return accesses;
}

/**
 * Merges two descriptions of how messages use a DynamoDB item. Returns `undefined` if one transaction cannot contain
 * both uses of the item.
 */
export function share(one: Access, other: Access): Access | undefined {
  if (one.isExclusive || other.isExclusive) return undefined;
  let isSubset = true;
  for (const [attribute, role] of other.roles) {
    const known = one.roles.get(attribute);
    if (known !== undefined && known !== role) return undefined;
    if (known === undefined) isSubset = false;
  }
  for (const condition of other.conditions.keys()) if (!one.conditions.has(condition)) isSubset = false;
  if (isSubset) return one;
  const roles = new Map([...one.roles, ...other.roles]);
  const conditions = new Map([...one.conditions, ...other.conditions]);
  let operands = 0;
  for (const count of conditions.values()) operands += count;
  const isShort = expressionLength(roles.size, operands) <= MAX_EXPRESSION_LENGTH;
  return isShort ? { isExclusive: false, roles, conditions } : undefined;
}
