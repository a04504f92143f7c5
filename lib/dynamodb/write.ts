import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { toExpression, type Condition } from './conditions.ts';
import type { Attributes } from './value.ts';
import type { Change, Operation } from './operation.ts';

/** The request parameter that makes DynamoDB return the stored item if the condition of the write fails. */
export const showItem = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

/**
 * Builds DynamoDB expressions with placeholders for all attribute names and values, because an attribute name may be a
 * reserved word of DynamoDB.
 */
class Expressions {
  readonly #names: Record<string, string> = {};
  readonly #values: Attributes = {};
  readonly #attributes: string[] = [];
  #count = 0;

  name(attribute: string): string {
    let index = this.#attributes.indexOf(attribute);
    if (index < 0) {
      index = this.#attributes.push(attribute) - 1;
      this.#names[`#a${index}`] = attribute;
    }
    return `#a${index}`;
  }

  value(value: AttributeValue): string {
    const placeholder = `:v${this.#count++}`;
    this.#values[placeholder] = value;
    return placeholder;
  }

  /**
   * Returns the expression parameters of a DynamoDB request. Leaves out empty parameters, because DynamoDB refuses
   * them.
   */
  parameters(conditions: readonly string[]): Parameters {
    const parameters: Parameters = {};
    if (conditions.length > 0) {
      parameters.ConditionExpression = conditions.join(' AND ');
      parameters.ReturnValuesOnConditionCheckFailure = showItem.ReturnValuesOnConditionCheckFailure;
    }
    if (this.#attributes.length > 0) parameters.ExpressionAttributeNames = this.#names;
    if (this.#count > 0) parameters.ExpressionAttributeValues = this.#values;
    return parameters;
  }
}

interface Parameters {
  ConditionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Attributes;
  ReturnValuesOnConditionCheckFailure?: 'ALL_OLD';
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
  const needed = conditions.map((condition) => toExpression(condition, expressions));
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

function toUpdate(changes: ReadonlyMap<string, Change>, expressions: Expressions) {
  const requires: string[] = [];
  let [adds, sets, removes] = ['', '', ''];
  for (const [attribute, change] of changes) {
    const path = expressions.name(attribute);
    switch (change.is) {
      case 'add':
        adds += `, ${path} ${expressions.value({ N: String(change.by) })}`;
        if (change.needs !== -Infinity) requires.push(atLeast(path, change.needs, expressions));
        break;
      case 'include':
        adds += `, ${path} ${expressions.value({ [change.type]: change.members } as unknown as AttributeValue)}`;
        break;
      case 'set':
        sets += `, ${path} = ${expressions.value(change.value)}`;
        break;
      case 'append': {
        const [empty, elements] = [EMPTY_LIST, { L: [...change.elements] }].map((list) => expressions.value(list));
        sets += `, ${path} = list_append(if_not_exists(${path}, ${empty}), ${elements})`;
        break;
      }
      case 'remove':
        removes += `, ${path}`;
    }
  }
  const clauses = [
    adds && `ADD${adds.slice(1)}`,
    sets && `SET${sets.slice(1)}`,
    removes && `REMOVE${removes.slice(1)}`,
  ];
  return { update: clauses.filter(Boolean).join(' '), requires };
}

function atLeast(path: string, needs: number, expressions: Expressions): string {
  const comparison = `${path} >= ${expressions.value({ N: String(needs) })}`;
  return needs > 0 ? comparison : `(attribute_not_exists(${path}) OR ${comparison})`;
}
