import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import { holds } from '../dynamodb/conditions.ts';
import type { Attributes } from '../dynamodb/item.ts';
import type { Branch, Candidate } from './candidate.ts';
import type { Operation } from '../dynamodb/operation.ts';

/**
 * The stored content of each item whose write condition failed in a cancelled transaction, by item id. `undefined`
 * stands for a missing item.
 */
export type Observed = ReadonlyMap<string, Attributes | undefined>;

export interface SelectedBranch {
  readonly candidate: Candidate;
  readonly branch: Branch;
}

const numberOf = (value: AttributeValue | undefined): number => (value === undefined ? 0 : Number(value.N));

/**
 * Selects the decision to commit for each message: the decision of its business rule, or its `otherwise` decision if a
 * condition fails. `refused` contains the messages for which every decision has a failed condition.
 */
export function selectBranches(
  candidates: readonly Candidate[],
  observed: Observed,
): { selected: SelectedBranch[]; refused: Candidate[] } {
  const selected: SelectedBranch[] = [];
  const refused: Candidate[] = [];
  const added = new Map<string, number>();
  const sumKey = (id: string, attribute: string) => `${attribute}\n${id}`;
  const isPossible = (operation: Operation): boolean => {
    const { id, conditions } = operation;
    if (!observed.has(id)) return true;
    const item = observed.get(id);
    if (!conditions.every((condition) => holds(condition, item))) return false;
    if (operation.write !== 'update') return true;
    for (const [attribute, change] of operation.changes) {
      if (change.is !== 'add' || change.needs === -Infinity) continue;
      if (!(numberOf(item?.[attribute]) + (added.get(sumKey(id, attribute)) ?? 0) >= change.needs)) return false;
    }
    return true;
  };
  for (const candidate of candidates) {
    const branch = candidate.branches.find(({ operations }) => operations.every(isPossible));
    if (branch === undefined) {
      refused.push(candidate);
      continue;
    }
    selected.push({ candidate, branch });
    for (const operation of branch.operations) {
      if (operation.write !== 'update' || !observed.has(operation.id)) continue;
      for (const [attribute, change] of operation.changes) {
        if (change.is !== 'add') continue;
        const key = sumKey(operation.id, attribute);
        added.set(key, (added.get(key) ?? 0) + change.by);
      }
    }
  }
  return { selected, refused };
}
