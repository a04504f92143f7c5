import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import { compare, isEqual } from './compare.ts';
import { own } from '../runtime/own.ts';
import { attributeName, InvalidValue, toAttribute, type Attributes } from './value.ts';

/**
 * A condition on one attribute of an item, which holds if all given tests hold. If the item lacks the attribute, only
 * the test `exists: false` holds.
 */
export interface AttributeCondition<T = any> {
  /** Whether the attribute must exist. */
  readonly exists?: boolean;
  readonly equals?: T;
  /** The attribute must equal one of the listed values. At most 100 values are allowed. */
  readonly oneOf?: readonly T[];
  readonly lessThan?: Ordered<T>;
  readonly atMost?: Ordered<T>;
  readonly greaterThan?: Ordered<T>;
  readonly atLeast?: Ordered<T>;
  /** The text with which the attribute must begin. */
  readonly beginsWith?: T extends string ? string : never;
  /** The text that a text attribute must contain, or the element that a list or set must contain. */
  readonly contains?: Contained<T>;
}

type Ordered<T> = Extract<T, string> extends never ? Extract<T, number> : Extract<T, number> | string;

type Contained<T> = T extends string
  ? string
  : T extends readonly (infer Element)[] | ReadonlySet<infer Element>
    ? Extract<Element, string | number>
    : never;

/**
 * The state of an item that an effect requires: the item exists, the item is absent, or all given conditions on its
 * attributes hold.
 */
export type When<Item = any> =
  'exists' | 'absent' | { readonly [A in keyof Item]?: AttributeCondition<Exclude<Item[A], undefined>> };

type Test = 'exists' | 'absent' | Exclude<keyof AttributeCondition, 'exists'>;

export interface Condition {
  readonly attribute: string;
  readonly test: Test;
  readonly operands: readonly AttributeValue[];
}

const comparisons = { lessThan: '<', atMost: '<=', greaterThan: '>', atLeast: '>=' } as const;

const MAX_OPERANDS = 100;

/**
 * Converts the required state of an item into a list of conditions that must all hold. Throws an `InvalidValue` if
 * DynamoDB cannot evaluate a condition.
 */
export function toConditions(when: When, keyAttribute: string): Condition[] {
  if (when === 'exists' || when === 'absent') return [{ attribute: keyAttribute, test: when, operands: [] }];
  if (typeof when !== 'object' || when === null)
    throw new InvalidValue('', `has the unknown condition ${String(when)}`);
  return Object.entries(when).flatMap(([name, tests]) => {
    const attribute = attributeName(name);
    const conditions = Object.entries(tests ?? {}).flatMap(([test, operand]) =>
      operand === undefined ? [] : toCondition(attribute, test as keyof AttributeCondition, operand),
    );
    if (conditions.length > 0) return conditions;
    throw new InvalidValue(attribute, 'is compared with undefined, or its condition has no test');
  });
}

function toCondition(attribute: string, test: keyof AttributeCondition, operand: unknown): Condition {
  const condition = (...operands: AttributeValue[]): Condition => ({ attribute, test, operands });
  switch (test) {
    case 'exists':
      return { attribute, test: operand === false ? 'absent' : 'exists', operands: [] };
    case 'equals':
      return condition(toAttribute(attribute, operand));
    case 'oneOf':
      if (!Array.isArray(operand) || operand.length === 0 || operand.length > MAX_OPERANDS)
        throw new InvalidValue(attribute, `is compared with oneOf, which needs 1 to ${MAX_OPERANDS} values`);
      return condition(...Array.from(operand as unknown[], (one) => toAttribute(attribute, one)));
    case 'lessThan':
    case 'atMost':
    case 'greaterThan':
    case 'atLeast':
    case 'contains':
    case 'beginsWith': {
      const value = toAttribute(attribute, operand);
      const isText = value.S !== undefined;
      if (!isText && (value.N === undefined || test === 'beginsWith'))
        throw new InvalidValue(
          attribute,
          `is compared with ${test}, which needs a string${test === 'beginsWith' ? '' : ' or a number'}`,
        );
      if (value.S === '' && !(test in comparisons))
        throw new InvalidValue(attribute, `is compared with ${test} and an empty string, which every text satisfies`);
      return condition(value);
    }
    default:
      throw new InvalidValue(attribute, `has the unknown condition ${String(test)}`);
  }
}

/** Whether a condition holds for an item, as DynamoDB evaluates the condition. `undefined` stands for a missing item. */
export function holds({ attribute, test, operands }: Condition, item: Attributes | undefined): boolean {
  const value = item && own(item, attribute);
  if (test === 'absent') return value === undefined;
  if (value === undefined) return false;
  const [operand] = operands as [AttributeValue];
  switch (test) {
    case 'exists':
      return true;
    case 'equals':
    case 'oneOf':
      return operands.some((one) => isEqual(value, one));
    case 'beginsWith':
      return value.S?.startsWith(operand.S!) ?? false;
    case 'contains':
      if (value.S !== undefined) return operand.S !== undefined && value.S.includes(operand.S);
      return elementsOf(value).some((element) => isEqual(element, operand));
    default: {
      const order = compare(value, operand);
      if (order === undefined) return false;
      if (order === 0) return test === 'atMost' || test === 'atLeast';
      return order < 0 === (test === 'lessThan' || test === 'atMost');
    }
  }
}

const elementsOf = ({ L, SS, NS }: AttributeValue): AttributeValue[] =>
  L ?? SS?.map((S) => ({ S })) ?? NS?.map((N) => ({ N })) ?? [];

/** Converts a condition to the syntax of DynamoDB's condition expressions, such as `#a0 = :v0`. */
export function toExpression(
  { attribute, test, operands }: Condition,
  placeholders: { name(attribute: string): string; value(operand: AttributeValue): string },
): string {
  const path = placeholders.name(attribute);
  const values = operands.map((operand) => placeholders.value(operand));
  switch (test) {
    case 'exists':
      return `attribute_exists(${path})`;
    case 'absent':
      return `attribute_not_exists(${path})`;
    case 'equals':
      return `${path} = ${values[0]}`;
    case 'oneOf':
      return `${path} IN (${values.join(', ')})`;
    case 'beginsWith':
      return `begins_with(${path}, ${values[0]})`;
    case 'contains':
      return `contains(${path}, ${values[0]})`;
    default:
      return `${path} ${comparisons[test]} ${values[0]}`;
  }
}
