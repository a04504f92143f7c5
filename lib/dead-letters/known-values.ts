import {
  ConditionalCheckFailedException,
  GetItemCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';

import { tables } from '../../infra/tables.ts';
import { queues } from '../../infra/topology.ts';
import { errorCodes } from '../runtime/errors.ts';
import { sendToDynamo, tableName } from '../dynamodb/send.ts';
import type { DeadLetter } from './dead-letter.ts';

/**
 * Which queues and codes a list may be filtered by. A misspelt value would list nothing, and redrive nothing, as if all were
 * well. The topology and the table of codes do not know all values: a rule may use codes of its own, and a dead letter may
 * come from a queue that was retired since. So the archive notes each further value before it stores the first dead letter
 * that has it. Only a note can tell "none now" from "never": dead letters themselves are redriven, and expire.
 */
const fixed = {
  queue: Object.values(queues).map(({ name }) => name),
  code: Object.keys(errorCodes),
} as const;

type Field = keyof typeof fixed;

const fields: readonly Field[] = ['queue', 'code'];

/** Whoever can write to the dead-letter queue can make up values; past this number none is refused any more. */
const MAX_NOTED = 500;

/** Beside the dead letters: without the attributes of the indexes, and with a part that no dead letter has. */
const noteKey: Record<string, AttributeValue> = { id: { S: 'known-values' }, part: { N: '-1' } };

/** What this environment has noted, or found that there is no room for. */
const settled: Record<Field, Set<string>> = { queue: new Set(), code: new Set() };

/** Notes the values of a dead letter that is about to be stored. */
export async function noteValues(deadLetter: Pick<DeadLetter, Field>): Promise<void> {
  for (const field of fields) {
    const value = deadLetter[field];
    if (!value || fixed[field].includes(value) || settled[field].has(value)) continue;
    await addToNote(field, value);
    if (settled[field].size < MAX_NOTED) settled[field].add(value);
  }
}

async function addToNote(field: Field, value: string): Promise<void> {
  try {
    await sendToDynamo((store) =>
      store.send(
        new UpdateItemCommand({
          TableName: tableName(tables['dead-letters']),
          Key: noteKey,
          UpdateExpression: 'ADD #field :value',
          ConditionExpression: 'attribute_not_exists(#field) OR size(#field) < :maximum',
          ExpressionAttributeNames: { '#field': field },
          ExpressionAttributeValues: { ':value': { SS: [value] }, ':maximum': { N: String(MAX_NOTED) } },
        }),
      ),
    );
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

/** What is wrong with a filter, by field: each value that no dead letter has had, and the known ones. */
export async function unknownValues(
  filter: Partial<Record<Field, string>>,
): Promise<readonly { readonly field: Field; readonly detail: string }[]> {
  const doubtful = fields.filter((field) => filter[field] !== undefined && !fixed[field].includes(filter[field]));
  if (doubtful.length === 0) return [];
  const { Item: note = {} } = await sendToDynamo((store) =>
    store.send(
      new GetItemCommand({ TableName: tableName(tables['dead-letters']), Key: noteKey, ConsistentRead: true }),
    ),
  );
  return doubtful.flatMap((field) => {
    const noted = note[field]?.SS ?? [];
    if (noted.includes(filter[field]!) || noted.length >= MAX_NOTED) return [];
    const known = [...fixed[field], ...noted].toSorted().join(', ');
    return [{ field, detail: `not a known ${field}; known are ${known}` }];
  });
}
