import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Attributes } from '../dynamodb/item.ts';
import type { Member, Operation, Option, PutCondition } from './member.ts';

/** What the store was seen to hold, by item id; `undefined` stands for no item. What is not in it is not known. */
export type Known = ReadonlyMap<string, Attributes | undefined>;

/** What earlier messages of the same transaction add to items that are known: by item id and attribute. */
type Running = Map<string, Map<string, number>>;

export interface Choice {
  readonly member: Member;
  readonly option: Option;
}

/** Absent counts as 0; what is no number is no value at all, so that every comparison with it fails. */
const numberOf = (value: AttributeValue | undefined): number => (value === undefined ? 0 : Number(value.N));

function equal(one: AttributeValue | undefined, other: AttributeValue): boolean {
  if (one === undefined) return false;
  if (other.N !== undefined) return one.N !== undefined && Number(one.N) === Number(other.N);
  return one.S === other.S && one.BOOL === other.BOOL;
}

function putHolds(when: PutCondition | undefined, item: Attributes | undefined): boolean {
  if (when === undefined) return true;
  return when === 'absent' ? item === undefined : equal(item?.[when.attribute], when.equals);
}

function holds(operation: Operation, known: Known, running: Running): boolean {
  if (!known.has(operation.id)) return true;
  const item = known.get(operation.id);
  if ('put' in operation) return putHolds(operation.when, item);
  const added = running.get(operation.id);
  return operation.sums.every(
    ({ attribute, needs }) =>
      needs === -Infinity || numberOf(item?.[attribute]) + (added?.get(attribute) ?? 0) >= needs,
  );
}

function note(operation: Operation, known: Known, running: Running): void {
  if ('put' in operation || !known.has(operation.id)) return;
  let added = running.get(operation.id);
  if (added === undefined) running.set(operation.id, (added = new Map()));
  for (const { attribute, by } of operation.sums) added.set(attribute, (added.get(attribute) ?? 0) + by);
}

/**
 * Takes, message after message, the first option that nothing known speaks against, each seeing what those before it add.
 * `refused` have none left. This holds only for a transaction in which all that was chosen commits together.
 */
export function choose(members: readonly Member[], known: Known): { chosen: Choice[]; refused: Member[] } {
  const chosen: Choice[] = [];
  const refused: Member[] = [];
  const running: Running = new Map();
  for (const member of members) {
    const option =
      known.size === 0
        ? member.options[0]
        : member.options.find(({ operations }) => operations.every((each) => holds(each, known, running)));
    if (option === undefined) {
      refused.push(member);
      continue;
    }
    chosen.push({ member, option });
    if (known.size > 0) for (const operation of option.operations) note(operation, known, running);
  }
  return { chosen, refused };
}
