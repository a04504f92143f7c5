import {
  DynamoDBClient,
  TransactionCanceledException,
  TransactionConflictException,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { getRetryPlugin, StandardRetryStrategy } from '@smithy/core/retry';

import { collect } from '../runtime/metrics.ts';

import { runIn, type SpanOptions, type Tracing } from '../runtime/tracing.ts';
import type { CheckAccess, RequestInput } from './table-access.ts';

/**
 * Creates a DynamoDB client without the slow logging middleware of the AWS SDK. A request fails without being sent if
 * `checkAccess` throws an error.
 */
export function dynamoDbClient(
  options: DynamoDBClientConfig,
  tracing?: Tracing,
  checkAccess?: CheckAccess,
): DynamoDBClient {
  const client = new DynamoDBClient(options);
  client.middlewareStack.remove('loggerMiddleware');
  observe(client, tracing, checkAccess);
  return client;
}

/**
 * Returns a copy of a DynamoDB client that also records the toolkit's metrics and spans. The original client does not
 * change.
 */
export function observedClient(given: DynamoDBClient, tracing?: Tracing, checkAccess?: CheckAccess): DynamoDBClient {
  const client = copyOf(given);
  observe(client, tracing, checkAccess);
  return client;
}

/**
 * Returns a copy of a DynamoDB client. The copy sends each request only once, because the inbox must know whether a
 * reply from DynamoDB was lost.
 */
export function clientWithoutRetries(given: DynamoDBClient): DynamoDBClient {
  const client = copyOf(given);
  const retryStrategy = new StandardRetryStrategy({ maxAttempts: 1 });
  const once = { maxAttempts: () => Promise.resolve(1), retryStrategy: () => Promise.resolve(retryStrategy) };
  client.middlewareStack.use(getRetryPlugin(once));
  return client;
}

/** Returns a client that shares everything with the given client except the list of middleware. */
const copyOf = (given: DynamoDBClient): DynamoDBClient =>
  Object.assign(Object.create(given) as DynamoDBClient, {
    middlewareStack: given.middlewareStack.clone(),
    // The given client may keep request handlers with its own middleware here.
    handlers: undefined,
  });

/**
 * Instruments a DynamoDB client: the client then calls `checkAccess` before each request, and records metrics and
 * spans.
 */
function observe(client: DynamoDBClient, tracing: Tracing | undefined, checkAccess: CheckAccess | undefined): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      collect('StoreRequests', 1);
      // The value 0 gives the metric data points in CloudWatch while nothing conflicts.
      collect('StoreConflicts', 0);
      const span = tracing?.start(requestSpan(operationOf(context), args.input as RequestInput));
      try {
        return await runIn(span, () => next(args));
      } catch (error) {
        if (isConflict(error)) collect('StoreConflicts', 1);
        if (error instanceof Error) {
          requested.set(error, tablesOf(args.input as RequestInput));
          span?.fail(error.name, error.message);
        }
        throw error;
      } finally {
        span?.end();
      }
    },
    { step: 'initialize', name: 'requestedTables', override: true },
  );
  if (checkAccess)
    client.middlewareStack.add(
      (next, context) => async (args) => {
        checkAccess(operationOf(context), args.input as RequestInput);
        return next(args);
      },
      // The low priority makes the check run inside the middleware that remembers the tables of a failed request.
      { step: 'initialize', name: 'tableAccess', priority: 'low', override: true },
    );
}

/** Whether a DynamoDB request failed because another transaction was in progress on one of the items of the request. */
const isConflict = (error: unknown): boolean =>
  error instanceof TransactionConflictException ||
  (error instanceof TransactionCanceledException &&
    (error.CancellationReasons ?? []).some(({ Code }) => Code === 'TransactionConflict'));

const operationOf = (context: Readonly<Record<string, unknown>>): string =>
  String(context['commandName']).replace(/Command$/, '');

const requestSpan = (operation: string, input: RequestInput): SpanOptions => ({
  name: operation,
  kind: 'client',
  attributes: {
    'db.system.name': 'aws.dynamodb',
    'db.operation.name': operation,
    'db.operation.batch.size': input.TransactItems?.length,
    'aws.dynamodb.table_names': tablesOf(input),
  },
});

const requested = new WeakMap<Error, readonly string[]>();

/**
 * Returns the full names of the tables in the DynamoDB request that failed with `error`. The list is empty if `error`
 * has another cause.
 */
export const requestedTables = (error: unknown): readonly string[] =>
  (error instanceof Error ? requested.get(error) : undefined) ?? [];

function tablesOf({ TableName, RequestItems, TransactItems = [] }: RequestInput): string[] {
  const inTransaction = TransactItems.flatMap((item) => Object.values(item).map((write) => write?.TableName));
  return [...new Set([TableName, ...Object.keys(RequestItems ?? {}), ...inTransaction])].filter(
    (name) => name !== undefined,
  );
}
