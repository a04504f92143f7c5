import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import type { Attributes } from '../dynamodb/item.ts';
import type { Branch, Candidate, Operation, PutCondition } from './candidate.ts';

/**
 * The stored DynamoDB items whose write condition failed in a cancelled transaction, by item id. The value is
 * `undefined` if the item does not exist.
 */
export type Observed = ReadonlyMap<string, Attributes | undefined>;

export interface Choice {
  readonly candidate: Candidate;
  readonly branch: Branch;
}

/**
 * Returns the number in a DynamoDB attribute. A missing attribute counts as 0. A value that is not a number becomes
 * NaN, and therefore every comparison with it is false.
 */
const numberOf = (value: AttributeValue | undefined): number => (value === undefined ? 0 : Number(value.N));

function isEqual(one: AttributeValue | undefined, other: AttributeValue): boolean {
  if (one === undefined) return false;
  if (other.N !== undefined) return one.N !== undefined && Number(one.N) === Number(other.N);
  return one.S === other.S && one.BOOL === other.BOOL;
}

const putHolds = (when: PutCondition | undefined, item: Attributes | undefined): boolean =>
  when === undefined || (when === 'absent' ? item === undefined : isEqual(item?.[when.attribute], when.equals));

/**
 * Selects for each message the first branch (its decision or an alternative) whose conditions hold on the observed
 * items, after the additions of earlier messages. `refused` lists the messages that have no such branch. The selection
 * is valid only if one transaction commits all selected branches.
 */
export function selectBranches(
  candidates: readonly Candidate[],
  observed: Observed,
): { chosen: Choice[]; refused: Candidate[] } {
  const chosen: Choice[] = [];
  const refused: Candidate[] = [];
  const added = new Map<string, number>();
  const sumKey = (id: string, attribute: string) => `${attribute}\n${id}`;
  const holds = (operation: Operation): boolean => {
    const { id } = operation;
    if (!observed.has(id)) return true;
    const item = observed.get(id);
    if ('put' in operation) return putHolds(operation.when, item);
    return [...operation.sums].every(
      ([attribute, { needs }]) =>
        needs === -Infinity || numberOf(item?.[attribute]) + (added.get(sumKey(id, attribute)) ?? 0) >= needs,
    );
  };
  for (const candidate of candidates) {
    const branch = candidate.branches.find(({ operations }) => operations.every(holds));
    if (branch === undefined) {
      refused.push(candidate);
      continue;
    }
    chosen.push({ candidate, branch });
    for (const operation of branch.operations) {
      if ('put' in operation || !observed.has(operation.id)) continue;
      for (const [attribute, { by }] of operation.sums) {
        const key = sumKey(operation.id, attribute);
        added.set(key, (added.get(key) ?? 0) + by);
      }
    }
  }
  return { chosen, refused };
}
