import { setTimeout as sleep } from 'node:timers/promises';

import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/** What is added to each request, in ms: about what DynamoDB takes where the emulator takes next to nothing. */
export interface Latency {
  readonly callMs: number;
  readonly transactionMs: number;
}

export const latency: Latency = { callMs: 4, transactionMs: 8 };

/** A client for the emulator that counts its requests, and waits before each as long as it is told to. */
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
    // As the service has it.
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
