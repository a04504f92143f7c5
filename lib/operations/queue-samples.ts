import { PutItemCommand, QueryCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { expiryAfter } from '../dynamodb/item.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import { store, tableName } from '../dynamodb/store.ts';
import { queueSampleTable } from '../dynamodb/toolkit-tables.ts';
import type { Attributes } from '../dynamodb/value.ts';
import type { QueueFigures } from '../rabbitmq/management/queue-figures.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Surehop } from '../runtime/surehop.ts';

/** The message counts of one work queue in a sample. A count is `null` if it was unknown when the sample was taken. */
export interface SampledQueue {
  /** The number of messages that wait in the queue, including those whose redelivery the broker delays. */
  readonly ready: number | null;
  readonly unacknowledged: number | null;
  /** How many messages consumers have acknowledged since the broker began to count. */
  readonly acknowledged: number | null;
  readonly deadLettered: number | null;
}

/** The message counts of all queues at one moment. */
export interface QueueSample {
  readonly takenAt: string;
  readonly queues: Readonly<Record<string, SampledQueue>>;
  readonly delayQueues: Readonly<Record<string, number | null>>;
}

export function sampleOf(
  workQueues: readonly WorkQueue[],
  figures: readonly QueueFigures[],
  deadLetters: ReadonlyMap<string, number> | undefined,
  nowMs: number,
): QueueSample {
  const named = new Map(figures.map((queue) => [queue.name, queue]));
  const sum = (names: readonly string[], figure: (queue: QueueFigures) => number | undefined) =>
    names.reduce((total: number | null, name) => {
      const value = figure(named.get(name) ?? { name });
      return total === null || value === undefined ? null : total + value;
    }, 0);
  const ready = ({ ready, delayed = 0 }: QueueFigures) => (ready === undefined ? undefined : ready + delayed);
  const held = ({ ready, unacknowledged = 0, handingOn = 0, delayed = 0 }: QueueFigures) =>
    ready === undefined ? undefined : ready + unacknowledged + handingOn + delayed;
  const delayQueues = new Set(workQueues.flatMap(({ delays }) => delays.map(({ name }) => name)));
  return {
    takenAt: new Date(nowMs).toISOString(),
    queues: Object.fromEntries(
      workQueues.map(({ name, shards }) => [
        name,
        {
          ready: sum(shards, ready),
          unacknowledged: sum(shards, ({ unacknowledged }) => unacknowledged),
          acknowledged: sum(shards, ({ acknowledged }) => acknowledged),
          deadLettered: deadLetters ? (deadLetters.get(name) ?? 0) : null,
        },
      ]),
    ),
    delayQueues: Object.fromEntries(Array.from(delayQueues, (name) => [name, sum([name], held)])),
  };
}

const KIND = 'queues';

const KEPT_DAYS = 1;

export const MINUTE_MS = 60_000;

/** Returns the start of the minute that contains a time, in ISO 8601. */
export const minuteOf = (ms: number): string => new Date(Math.floor(ms / MINUTE_MS) * MINUTE_MS).toISOString();

/**
 * The DynamoDB table with at most one sample of all queues' message counts per minute. DynamoDB deletes each sample
 * after a day.
 */
export interface QueueSamples {
  /** Stores a sample, which replaces an earlier sample of the same minute. */
  store(sample: QueueSample): Promise<void>;
  /** Returns the samples that were taken since the given time, oldest first. */
  since(ms: number): Promise<QueueSample[]>;
}

export const queueSamples = (surehop: Surehop): QueueSamples =>
  openSamples(store(surehop), tableName(surehop, queueSampleTable));

const openSamples = (client: DynamoDBClient, table: string): QueueSamples => ({
  async store(sample) {
    const takenAtMs = Date.parse(sample.takenAt);
    const item = {
      kind: { S: KIND },
      minute: { S: minuteOf(takenAtMs) },
      sample: { S: JSON.stringify(sample) },
      expiresAt: { N: expiryAfter(KEPT_DAYS, takenAtMs) },
    };
    await sendToDynamo((to) => to.send(new PutItemCommand({ TableName: table, Item: item })), client);
  },

  async since(ms) {
    const samples: QueueSample[] = [];
    let from: Attributes | undefined;
    do {
      const query = new QueryCommand({
        TableName: table,
        KeyConditionExpression: '#kind = :kind AND #minute >= :from',
        ExpressionAttributeNames: { '#kind': 'kind', '#minute': 'minute' },
        ExpressionAttributeValues: { ':kind': { S: KIND }, ':from': { S: minuteOf(ms) } },
        ExclusiveStartKey: from,
      });
      const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo((to) => to.send(query), client);
      samples.push(...items.map(({ sample }) => JSON.parse(sample?.S ?? 'null') as QueueSample));
      from = last;
    } while (from);
    return samples;
  },
});
