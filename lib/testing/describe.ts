import { inspect } from 'node:util';

import type { Condition } from '../dynamodb/conditions.ts';
import type { Effect } from '../dynamodb/effects.ts';
import { fromAttributes, type Attributes } from '../dynamodb/value.ts';
import type { Decision } from '../inbox/decision.ts';

/** Formats a value on one line, in the notation of JavaScript. */
export const show = (value: unknown): string =>
  inspect(value, { depth: 8, breakLength: Infinity, compact: true, maxArrayLength: 20, maxStringLength: 200 });

/** Formats an attribute value of DynamoDB. A missing attribute is shown as `missing`. */
export const showAttribute = (value: Attributes[string] | undefined): string =>
  value === undefined ? 'missing' : show(fromAttributes({ value })['value']);

/** Formats an item of DynamoDB without its key. A missing item is shown as `no item`. */
export function showItem(item: Attributes | undefined, key: Attributes): string {
  if (item === undefined) return 'no item';
  return show(fromAttributes(Object.fromEntries(Object.entries(item).filter(([name]) => !Object.hasOwn(key, name)))));
}

/** Formats the table and the key of an item, such as `loans { isbn: 'a' }`. */
export const showPlace = (table: string, key: Attributes): string => `${table} ${show(fromAttributes(key))}`;

const requirements = {
  exists: 'exist',
  absent: 'not exist',
  equals: 'equal',
  oneOf: 'be one of',
  lessThan: 'be less than',
  atMost: 'be at most',
  greaterThan: 'be greater than',
  atLeast: 'be at least',
  beginsWith: 'begin with',
  contains: 'contain',
} as const satisfies Record<Condition['test'], string>;

/** Explains why a condition of an effect failed, such as `status is 'paid', but must equal 'open'`. */
export function explainCondition({ attribute, test, operands }: Condition, key: Attributes, item?: Attributes): string {
  const isOfItem = Object.hasOwn(key, attribute) && operands.length === 0;
  const [subject, state] = isOfItem
    ? ['the item', item === undefined ? 'does not exist' : 'exists']
    : [attribute, `is ${showAttribute(item?.[attribute])}`];
  const values = operands.map(showAttribute).join(', ');
  return `${subject} ${state}, but must ${requirements[test]}${values === '' ? '' : ` ${values}`}`;
}

/** Describes an effect, such as `add -2 to available of loans { isbn: 'a' } (at least 0)`. */
export function describeEffect(effect: Effect): string {
  const { kind, table, key, when } = effect;
  const place = `${table.name} ${show(key)}`;
  const condition = when === undefined || kind === 'check' ? '' : `, when ${show(when)}`;
  switch (kind) {
    case 'add':
      return `add ${effect.by} to ${effect.attribute} of ${place}${effect.atLeast === undefined ? '' : ` (at least ${effect.atLeast})`}${condition}`;
    case 'put':
      return `put ${show(effect.item)} as ${place}${condition}`;
    case 'set':
      return `set ${show(effect.attributes)} of ${place}${condition}`;
    case 'append':
      return `append ${show(effect.attributes)} to ${place}${condition}`;
    case 'delete':
      return `delete ${place}${condition}`;
    case 'check':
      return `check that ${place} is ${show(effect.when)}`;
  }
}

/** Describes the decision of a business rule on one line, without its `otherwise` decision. */
export function describeDecision({ outcome = 'completed', reason, effects, events = [], otherwise }: Decision): string {
  const parts = [
    `${outcome}${reason === undefined ? '' : ` (${reason})`}`,
    ...effects.map(describeEffect),
    ...events.map(({ event, data }) => `publish ${event.type} ${show(data)}`),
    ...(otherwise === undefined ? [] : [`otherwise ${otherwise.outcome} (${otherwise.reason})`]),
  ];
  return parts.join('; ');
}
