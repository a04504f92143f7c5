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

/**
 * The same for an inbox: one attempt per request, since the inbox must know of every lost answer, and transactions without
 * the token that the SDK gives each of them. Their markers say what the token would, for days instead of ten minutes.
 */
export function inboxClient(options: DynamoDBClientConfig): DynamoDBClient {
  const client = dynamoDbClient({ ...options, maxAttempts: 1 });
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body?: unknown };
      if (request.body instanceof Uint8Array) request.body = withoutToken(request.body);
      return next(args);
    },
    // Before the body's length is told.
    { step: 'build', priority: 'high', name: 'withoutToken' },
  );
  return client;
}

/** No text of the caller can look like this: a quote inside of one is escaped. */
const TOKEN = ',"ClientRequestToken":"';

function withoutToken(body: Uint8Array): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const start = bytes.lastIndexOf(TOKEN);
  if (start < 0) return body;
  const end = bytes.indexOf('"', start + TOKEN.length) + 1;
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}
