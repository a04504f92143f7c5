import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import { connect } from 'amqplib';
import { z } from 'zod';

// A function as a team would write it with common libraries: it reserves the stock of each order once and publishes a
// message.
const order = z.object({ orderId: z.uuid(), sku: z.string(), quantity: z.int() });
const serviceName = 'orders';
const logger = new Logger({ serviceName });
const metrics = new Metrics({ namespace: 'shop', serviceName });
const tracer = new Tracer({ serviceName });
const store = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const secrets = new SecretsManagerClient({});

const reserve = makeIdempotent(
  async ({ sku, quantity }: z.infer<typeof order>) => {
    await store.send(
      new UpdateCommand({
        TableName: 'stock',
        Key: { sku },
        UpdateExpression: 'ADD available :by',
        ExpressionAttributeValues: { ':by': -quantity },
      }),
    );
    return sku;
  },
  {
    persistenceStore: new DynamoDBPersistenceLayer({ tableName: 'idempotency' }),
    config: new IdempotencyConfig({ eventKeyJmesPath: 'orderId' }),
  },
);

export const handler = middy(async (event: { readonly orders: readonly unknown[] }) => {
  const { SecretString: amqpUrl = '' } = await secrets.send(new GetSecretValueCommand({ SecretId: 'broker' }));
  const connection = await connect(amqpUrl);
  const channel = await connection.createConfirmChannel();
  for (const each of event.orders) channel.publish('orders', 'reserved', Buffer.from(await reserve(order.parse(each))));
  await channel.waitForConfirms();
  await connection.close();
})
  .use(injectLambdaContext(logger))
  .use(logMetrics(metrics))
  .use(captureLambdaHandler(tracer));
