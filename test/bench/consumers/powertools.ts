import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { ConditionalCheckFailedException, UpdateItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';

import { orderCreated } from '../../../functions/orders/events.ts';
import type { Order } from '../../../functions/orders/events.ts';
import type { OrderMessage } from '../batches.ts';
import { TABLE_PREFIX } from '../protocol.ts';

/**
 * Creates an SQS event from messages. The Powertools consumer gets SQS events, because Powertools has no batch
 * processor for RabbitMQ.
 */
export const sqsEvent = (messages: readonly OrderMessage[]): SQSEvent => ({
  Records: messages.map(({ id, body }) => ({
    messageId: id,
    receiptHandle: id,
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '1',
      SenderId: 'shop',
      ApproximateFirstReceiveTimestamp: '1',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:stock',
    awsRegion: 'eu-central-1',
  })),
});

/** The size of Powertools' local cache of completed messages. Surehop's own cache has the same size. */
const LOCAL_CACHE_SIZE = 10_000;

export function powertoolsConsumer(
  client: DynamoDBClient,
  reject: (order: Order & { orderId: string }) => Promise<void> = () =>
    Promise.reject(
      new Error('the Powertools consumer rejected an order, but this section of the benchmark expects no rejection'),
    ),
  useLocalCache = false,
): (event: SQSEvent) => Promise<SQSBatchResponse> {
  const persistenceStore = new DynamoDBPersistenceLayer({
    tableName: `${TABLE_PREFIX}idempotency`,
    awsSdkV3Client: client,
  });
  const config = new IdempotencyConfig({
    eventKeyJmesPath: 'messageId',
    useLocalCache,
    maxLocalCacheSize: LOCAL_CACHE_SIZE,
  });

  const work = async ({ body }: SQSRecord): Promise<string> => {
    const order = orderCreated.schema.parse(JSON.parse(body));
    const [item] = order.items;
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: `${TABLE_PREFIX}stock`,
          Key: { sku: { S: item!.sku } },
          UpdateExpression: 'ADD available :by',
          ConditionExpression: 'available >= :needed',
          ExpressionAttributeValues: {
            ':by': { N: String(-item!.quantity) },
            ':needed': { N: String(item!.quantity) },
          },
        }),
      );
      return 'reserved';
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      await reject(order);
      return 'rejected';
    }
  };
  const workOnce = makeIdempotent(work, { persistenceStore, config });

  const processor = new BatchProcessor(EventType.SQS);
  return (event) => {
    const context = { getRemainingTimeInMillis: () => 60_000, functionName: 'stock' } as Context;
    config.registerLambdaContext(context);
    return processPartialResponse(event, (record: SQSRecord) => workOnce(record), processor, {
      context,
    });
  };
}
