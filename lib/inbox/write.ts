import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { toExpression, type Condition } from '../dynamodb/conditions.ts';
import type { Attributes } from '../dynamodb/value.ts';
import type { Change, Operation } from './operation.ts';

/** Makes DynamoDB return the stored item if the condition of this write fails. */
export const showItem = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

/** Builds DynamoDB expressions, in which placeholders stand for all names and values. Any name is then allowed. */
class Expressions {
  readonly #placeholders = new Map<string, string>();
  readonly #names: Record<string, string> = {};
  readonly #values: Attributes = {};
  #count = 0;

  readonly name = (attribute: string): string => {
    let placeholder = this.#placeholders.get(attribute);
    if (placeholder === undefined) {
      placeholder = `#a${this.#placeholders.size}`;
      this.#placeholders.set(attribute, placeholder);
      this.#names[placeholder] = attribute;
    }
    return placeholder;
  };

  readonly value = (value: AttributeValue): string => {
    const placeholder = `:v${this.#count++}`;
    this.#values[placeholder] = value;
    return placeholder;
  };

  /** The parameters of a request with these expressions. DynamoDB does not accept empty parameters. */
  parameters(conditions: readonly string[]) {
    return {
      ...(conditions.length > 0 && { ConditionExpression: conditions.join(' AND ') }),
      ...(this.#placeholders.size > 0 && { ExpressionAttributeNames: this.#names }),
      ...(this.#count > 0 && { ExpressionAttributeValues: this.#values }),
      ...(conditions.length > 0 && showItem),
    };
  }
}

/** Returns one DynamoDB write with all changes and conditions of one item. */
export function toWrite(
  operation: Operation,
  changes: ReadonlyMap<string, Change>,
  conditions: readonly Condition[],
  prefix: string,
): TransactWriteItem {
  const { key: Key, write } = operation;
  const TableName = prefix + operation.table;
  const expressions = new Expressions();
  const needed = conditions.map((condition) => toExpression(condition, expressions.name, expressions.value));
  if (write === 'put') return { Put: { TableName, Item: operation.item, ...expressions.parameters(needed) } };
  if (write === 'delete') return { Delete: { TableName, Key, ...expressions.parameters(needed) } };
  if (changes.size === 0) {
    const { ConditionExpression = '', ...parameters } = expressions.parameters(needed);
    return { ConditionCheck: { TableName, Key, ConditionExpression, ...parameters } };
  }
  const { update, requires } = toUpdate(changes, expressions);
  return { Update: { TableName, Key, UpdateExpression: update, ...expressions.parameters([...requires, ...needed]) } };
}

const EMPTY_LIST: AttributeValue = { L: [] };

function toUpdate(changes: ReadonlyMap<string, Change>, { name, value }: Expressions) {
  const clauses = { ADD: [] as string[], SET: [] as string[], REMOVE: [] as string[] };
  const requires: string[] = [];
  for (const [attribute, change] of changes) {
    const path = name(attribute);
    switch (change.is) {
      case 'add':
        clauses.ADD.push(`${path} ${value({ N: String(change.by) })}`);
        if (change.needs !== -Infinity) requires.push(atLeast(path, change.needs, value));
        break;
      case 'include':
        clauses.ADD.push(
          `${path} ${value(change.type === 'SS' ? { SS: [...change.members] } : { NS: [...change.members] })}`,
        );
        break;
      case 'set':
        clauses.SET.push(`${path} = ${value(change.value)}`);
        break;
      case 'append':
        clauses.SET.push(
          `${path} = list_append(if_not_exists(${path}, ${value(EMPTY_LIST)}), ${value({ L: [...change.elements] })})`,
        );
        break;
      case 'remove':
        clauses.REMOVE.push(path);
    }
  }
  const update = Object.entries(clauses).flatMap(([clause, parts]) =>
    parts.length === 0 ? [] : [`${clause} ${parts.join(', ')}`],
  );
  return { update: update.join(' '), requires };
}

/** A missing attribute counts as 0 here, but DynamoDB evaluates every comparison with a missing attribute as false. */
function atLeast(path: string, needs: number, value: (value: AttributeValue) => string): string {
  const comparison = `${path} >= ${value({ N: String(needs) })}`;
  return needs > 0 ? comparison : `(attribute_not_exists(${path}) OR ${comparison})`;
}
