import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/**
 * A client without the SDK's own logging, which nobody reads here: it copies every item of every request and answer, for
 * four tenths of what a transaction costs in CPU.
 */
export function dynamoDbClient(options: DynamoDBClientConfig): DynamoDBClient {
  const client = new DynamoDBClient(options);
  client.middlewareStack.remove('loggerMiddleware');
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (error instanceof Error) asked.set(error, tablesOf(args.input as Input));
        throw error;
      }
    },
    { step: 'initialize', name: 'tablesAsked' },
  );
  return client;
}

/** Of a failed request, the tables that it was about: DynamoDB seldom names the one that is missing. */
const asked = new WeakMap<Error, readonly string[]>();

/** Full names of the tables that a failed request was about, as far as they are known. */
export const tablesAsked = (error: unknown): readonly string[] =>
  (error instanceof Error ? asked.get(error) : undefined) ?? [];

function tablesOf({ TableName, RequestItems, TransactItems = [] }: Input): string[] {
  const inTransaction = TransactItems.flatMap((item) => Object.values(item).map((write) => write.TableName));
  return [...new Set([TableName, ...Object.keys(RequestItems ?? {}), ...inTransaction])].filter(
    (name) => name !== undefined,
  );
}

/** What names tables in the requests of DynamoDB that this service sends. */
interface Input {
  readonly TableName?: string;
  readonly RequestItems?: object;
  readonly TransactItems?: readonly Readonly<Record<string, { readonly TableName?: string }>>[];
}

/** The same for an inbox, which retries by itself: it has to know about each lost reply. */
export const inboxClient = (options: DynamoDBClientConfig): DynamoDBClient =>
  dynamoDbClient({ ...options, maxAttempts: 1 });
