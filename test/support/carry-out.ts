import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb';

import type { Attributes } from '../../lib/dynamodb/value.ts';

type Write = NonNullable<TransactWriteItem['Update']>;

const number = (value: AttributeValue | undefined): number => (value === undefined ? 0 : Number(value.N));
const deepSorted = ({ SS, NS, ...value }: AttributeValue): string =>
  JSON.stringify(SS ? SS.toSorted() : NS ? NS.toSorted() : value);

function isTrue(
  part: string,
  { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} }: Partial<Write>,
  item: Attributes | undefined,
): boolean {
  const either = /^\(attribute_not_exists\((#\w+)\) OR (.+)\)$/.exec(part);
  if (either)
    return (
      item?.[names[either[1]!]!] === undefined ||
      isTrue(either[2]!, { ExpressionAttributeNames: names, ExpressionAttributeValues: values }, item)
    );
  const [, call, path, operand] = /^(\w+)\((#\w+)(?:, (:\w+))?\)$/.exec(part) ?? [];
  const [, left, operator, right] = /^(#\w+) (=|<|<=|>|>=|IN) (.+)$/.exec(part) ?? [];
  const value = item?.[names[(path ?? left)!]!];
  if (call === 'attribute_not_exists') return value === undefined;
  if (value === undefined) return false;
  switch (call) {
    case 'attribute_exists':
      return true;
    case 'begins_with':
      return value.S?.startsWith(values[operand!]!.S!) ?? false;
    case 'contains': {
      const wanted = values[operand!]!;
      if (value.S !== undefined) return wanted.S !== undefined && value.S.includes(wanted.S);
      const members = value.L ?? value.SS?.map((S) => ({ S })) ?? value.NS?.map((N) => ({ N })) ?? [];
      return members.some((member) => deepSorted(member) === deepSorted(wanted));
    }
  }
  const operands = right!
    .replaceAll(/[()]/g, '')
    .split(', ')
    .map((name) => values[name]!);
  if (operator === '=' || operator === 'IN') return operands.some((one) => deepSorted(one) === deepSorted(value));
  const [other] = operands as [AttributeValue];
  const [one, two] =
    value.N !== undefined && other.N !== undefined ? [Number(value.N), Number(other.N)] : [value.S, other.S];
  if (one === undefined || two === undefined) return false;
  return operator === '<' ? one < two : operator === '<=' ? one <= two : operator === '>' ? one > two : one >= two;
}

function updated(
  { Key, UpdateExpression = '', ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} }: Write,
  item: Attributes | undefined,
): Attributes {
  const after: Attributes = { ...Key, ...item };
  for (const [, clause, parts] of UpdateExpression.matchAll(/(ADD|SET|REMOVE) (.*?)(?= (?:ADD|SET|REMOVE) |$)/g))
    for (const part of parts!.split(/, (?=#\w+(?: = | :|$|,))/)) {
      const name = names[/#\w+/.exec(part)![0]]!;
      const value = values[/:\w+\)?$/.exec(part)?.[0].replace(')', '') ?? ''];
      const before = item?.[name];
      if (clause === 'REMOVE') delete after[name];
      else if (part.includes('list_append')) after[name] = { L: [...(before?.L ?? []), ...value!.L!] };
      else if (clause === 'SET') after[name] = value!;
      else if (value!.N !== undefined) after[name] = { N: String(number(before) + Number(value!.N)) };
      else if (value!.SS !== undefined) after[name] = { SS: [...new Set([...(before?.SS ?? []), ...value!.SS])] };
      else after[name] = { NS: [...new Set([...(before?.NS ?? []), ...value!.NS!])] };
    }
  return after;
}

/**
 * Carries out the writes of the inbox's DynamoDB transaction in memory, and returns the changed items by id. Throws an
 * error if a condition fails.
 */
export function carryOut(
  writes: readonly TransactWriteItem[],
  itemIds: readonly string[],
  items: ReadonlyMap<string, Attributes>,
): Map<string, Attributes | undefined> {
  const changed = new Map<string, Attributes | undefined>();
  for (const [n, { Put, Update, Delete, ConditionCheck }] of writes.entries()) {
    const id = itemIds[n]!;
    const item = items.get(id);
    const { ConditionExpression, ...parameters } = (Put ?? Update ?? Delete ?? ConditionCheck)!;
    for (const part of ConditionExpression?.split(' AND ') ?? [])
      if (!isTrue(part, parameters, item))
        throw new Error(`the condition ${part} does not hold for the item ${id}, which is ${JSON.stringify(item)}`);
    if (Put) changed.set(id, Put.Item);
    if (Delete) changed.set(id, undefined);
    if (Update) changed.set(id, updated(Update, item));
  }
  return changed;
}
