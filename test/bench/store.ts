import { setTimeout as sleep } from 'node:timers/promises';

import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/**
 * The delays in ms that the benchmark adds to requests to the DynamoDB emulator, because DynamoDB itself takes longer
 * to answer than the emulator.
 */
export interface Latency {
  readonly callMs: number;
  readonly transactionMs: number;
}

export const latency: Latency = { callMs: 4, transactionMs: 8 };

/** A client of the DynamoDB emulator that counts its requests and can delay them. */
export interface CountingClient {
  readonly client: DynamoDBClient;
  requests(): number;
}

export function openClient(
  endpoint: string,
  added?: Latency,
  create = (options: DynamoDBClientConfig) => new DynamoDBClient(options),
): CountingClient {
  let requests = 0;
  const client = create({
    endpoint,
    maxAttempts: 1,
    // These are the timeouts of the service's own client.
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
  });
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        requests += 1;
        if (added) await sleep(commandName === 'TransactWriteItemsCommand' ? added.transactionMs : added.callMs);
        return next(args);
      },
    { step: 'finalizeRequest', priority: 'low', name: 'latency' },
  );
  return { client, requests: () => requests };
}
