import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/**
 * A client without the SDK's own logging, which nobody reads here: it copies every item of every request and answer, for
 * four tenths of what a transaction costs in CPU.
 */
export function dynamoDbClient(options: DynamoDBClientConfig): DynamoDBClient {
  const client = new DynamoDBClient(options);
  client.middlewareStack.remove('loggerMiddleware');
  return client;
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
