import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import type { RabbitMqEvent } from '../../../lib/message/delivery.ts';
import type { Latency } from '../store.ts';
import { surehopConsumer } from './surehop.ts';

interface StoreRequest {
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

/**
 * The DynamoDB requests that Surehop sends for one batch of messages, in groups of concurrent requests.
 */
export type Waves = readonly (readonly StoreRequest[])[];

/**
 * A DynamoDB request belongs to a group of concurrent requests if it starts at most this long after the first request
 * of the group, in ms.
 */
const WAVE_MS = 25;

/**
 * Records the DynamoDB requests that Surehop's consumer sends for the given events. A stub answers the requests in
 * place of DynamoDB.
 */
export async function requestsOf(events: readonly RabbitMqEvent[]): Promise<Waves[]> {
  let waves: StoreRequest[][] = [];
  let answering: Promise<void> | undefined;
  const client = dynamoDbClient({
    endpoint: 'http://nowhere',
    maxAttempts: 1,
    requestHandler: {
      async handle({ headers, body }: StoreRequest) {
        if (!answering) {
          waves.push([]);
          answering = sleep(WAVE_MS).then(() => (answering = undefined));
        }
        waves.at(-1)!.push({ headers, body });
        await answering;
        return { response: { statusCode: 200, headers: {}, body: Readable.from(['{}']) } };
      },
    },
  });
  const consume = surehopConsumer(client);
  const recorded: Waves[] = [];
  for (const event of events) {
    await consume(event);
    recorded.push(waves);
    waves = [];
  }
  return recorded;
}

export function sender(endpoint: string, latency?: Latency) {
  const agent = new Agent({ keepAlive: true, noDelay: true });
  const { hostname, port } = new URL(endpoint);
  let requests = 0;

  async function send({ headers, body }: StoreRequest): Promise<void> {
    requests += 1;
    const isTransaction = headers['x-amz-target']?.endsWith('TransactWriteItems');
    if (latency) await sleep(isTransaction ? latency.transactionMs : latency.callMs);
    const length = String(Buffer.byteLength(body));
    const options = { agent, hostname, port, method: 'POST', headers: { ...headers, 'content-length': length } };
    const answer = await new Promise<string>((resolve, reject) => {
      const sent = request(options, (response) => {
        text(response).then((said) => (response.statusCode === 200 ? resolve(said) : reject(new Error(said))), reject);
      });
      sent.once('error', reject).end(body);
    });
    JSON.parse(answer);
  }

  return {
    send: async (waves: Waves) => {
      for (const wave of waves) await Promise.all(wave.map(send));
    },
    requests: () => requests,
    close: () => agent.destroy(),
  };
}
