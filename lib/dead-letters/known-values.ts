import {
  ConditionalCheckFailedException,
  GetItemCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';

import { sendToDynamo } from '../dynamodb/send.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { errorCodes } from '../runtime/error-codes.ts';
import type { DeadLetter } from '../archive/dead-letter.ts';
import { nameOf, type ArchiveTable } from '../archive/record.ts';

const fields = ['queue', 'code'] as const;

type Field = (typeof fields)[number];

/**
 * The maximum number of queue names, and of error codes, that the archive remembers in order to reject unknown ones in
 * filters. Once the limit is reached, filters may contain any queue name or error code.
 */
const MAX_STORED = 500;

const itemKey: Record<string, AttributeValue> = { id: { S: 'known-values' }, part: { N: '-1' } };

export interface KnownValues {
  /** Stores the queue name and the error code of a new dead letter, if the archive does not know them yet. */
  add(deadLetter: Pick<DeadLetter, Field>): Promise<void>;
  /** Returns an error, with the allowed values, for an unknown queue name or error code in a filter. */
  errorsIn(
    filter: Partial<Record<Field, string>>,
  ): Promise<readonly { readonly field: Field; readonly detail: string }[]>;
}

/**
 * Remembers which queue names and error codes occur in dead letters. A filter with a misspelled name is then refused
 * with an error, instead of returning an empty list.
 */
export function createKnownValues(table: ArchiveTable, queues: readonly WorkQueue[]): KnownValues {
  const builtIn: Record<Field, readonly string[]> = {
    queue: queues.map(({ name }) => name),
    code: Object.keys(errorCodes),
  };
  const added: Record<Field, Set<string>> = { queue: new Set(), code: new Set() };

  async function store(field: Field, value: string): Promise<void> {
    const command = new UpdateItemCommand({
      TableName: nameOf(table),
      Key: itemKey,
      UpdateExpression: 'ADD #field :value',
      ConditionExpression: 'attribute_not_exists(#field) OR size(#field) < :maximum',
      ExpressionAttributeNames: { '#field': field },
      ExpressionAttributeValues: { ':value': { SS: [value] }, ':maximum': { N: String(MAX_STORED) } },
    });
    try {
      await sendToDynamo((client) => client.send(command), table.client);
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  return {
    async add(deadLetter) {
      for (const field of fields) {
        const value = deadLetter[field];
        if (!value || builtIn[field].includes(value) || added[field].has(value)) continue;
        await store(field, value);
        if (added[field].size < MAX_STORED) added[field].add(value);
      }
    },
    async errorsIn(filter) {
      const unknown = fields.filter((field) => filter[field] !== undefined && !builtIn[field].includes(filter[field]));
      if (unknown.length === 0) return [];
      const { Item: item = {} } = await sendToDynamo(
        (client) => client.send(new GetItemCommand({ TableName: nameOf(table), Key: itemKey, ConsistentRead: true })),
        table.client,
      );
      return unknown.flatMap((field) => {
        const stored = item[field]?.SS ?? [];
        if (stored.includes(filter[field]!) || stored.length >= MAX_STORED) return [];
        const known = [...builtIn[field], ...stored].toSorted().join(', ');
        return [{ field, detail: `unknown ${field}; known values: ${known}` }];
      });
    },
  };
}
