import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';

import { addressOf } from '../dev/client/service-client.ts';
import { signedHeaders, signingSecret } from '../dev/runtime/sign.ts';
import { localDirectory } from '../dev/runtime/directories.ts';
import { entry, Problem, reasonOf } from '../dev/runtime/command-line.ts';
import { readSettings } from '../dev/runtime/settings.ts';

const USAGE = `npm run order -- --sku apple --quantity 2 [--unit-price 150] [--currency EUR] [--customer ada] [--key my-order] [--url http://localhost:3000]
  signs an order with the first key of SIGNING_SECRETS or the development key, sends the order to the service that npm start runs, and prints the response; an order with the same --key is accepted only once`;

const REQUEST_TIMEOUT_MS = 40_000;
const ACCEPTED = 202;

await entry(async () => {
  const { url, key, order } = read(process.argv.slice(2));
  const body = JSON.stringify(order);
  const response = await fetch(addressOf(url, '/orders'), {
    method: 'POST',
    headers: signedHeaders(body, { key, secret: signingSecret(process.env) }),
    body,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  }).catch((error: unknown) => {
    throw new Problem(
      `the service at ${url} does not answer (${reasonOf(error)}): start the service with npm start, or pass --url`,
    );
  });
  const answer = await response.text();
  process.stdout.write(`${answer}\n`);
  if (response.status === ACCEPTED && orderIdIn(answer) !== undefined) return 0;
  throw new Problem(`the order was not accepted: ${response.status} ${response.statusText}`);
});

function orderIdIn(answer: string): unknown {
  try {
    return (JSON.parse(answer) as { orderId?: unknown } | null)?.orderId;
  } catch {
    return undefined;
  }
}

function read(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        sku: { type: 'string' },
        quantity: { type: 'string', default: '1' },
        'unit-price': { type: 'string', default: '150' },
        currency: { type: 'string', default: 'EUR' },
        customer: { type: 'string', default: 'ada' },
        key: { type: 'string' },
        url: { type: 'string' },
      },
    });
    const { sku, quantity, 'unit-price': unitPrice, currency, customer: customerId } = values;
    if (!sku) throw new Error('--sku is missing');
    const { httpPort } = readSettings(process.env, localDirectory);
    return {
      url: values.url ?? `http://localhost:${httpPort}`,
      key: values.key ?? randomUUID(),
      // The service validates the order and explains why it rejects one.
      order: { customerId, currency, items: [{ sku, quantity: Number(quantity), unitPrice: Number(unitPrice) }] },
    };
  } catch (error) {
    throw error instanceof Problem
      ? error
      : new Problem(`invalid arguments: ${(error as Error).message}\n${USAGE}`, { exitCode: 2 });
  }
}
