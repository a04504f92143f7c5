import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Attributes } from '../dynamodb/item.ts';
import type { Member } from './member.ts';
import type { Scarce } from './scarce.ts';

/** An item that is taken to be as it was seen last: the transaction holds only if it is. */
export interface Presumption {
  readonly table: string;
  readonly key: Attributes;
  readonly item: Attributes | undefined;
  /** The attributes that choices depend on, with what they are taken to hold. */
  readonly values: Map<string, AttributeValue | undefined>;
}

/** What is remembered of the items that these messages add to, by item id. Items that anyone puts are not presumed. */
export function presume(members: readonly Member[], scarce: Scarce): Map<string, Presumption> {
  const presumed = new Map<string, Presumption>();
  const put = new Set<string>();
  for (const { options } of members) {
    for (const { operations } of options) {
      for (const operation of operations) {
        const { id, table, key } = operation;
        if (!scarce.has(id)) continue;
        if ('put' in operation) {
          put.add(id);
          continue;
        }
        let known = presumed.get(id);
        if (known === undefined) presumed.set(id, (known = { table, key, item: scarce.recall(id), values: new Map() }));
        for (const { attribute, needs } of operation.sums)
          if (needs !== -Infinity) known.values.set(attribute, known.item?.[attribute]);
      }
    }
  }
  for (const id of put) presumed.delete(id);
  return presumed;
}
