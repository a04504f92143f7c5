import { expect, test } from '@jest/globals';

import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import type { DevEnvironment } from '../../infra/dev/runtime/dev-environment.ts';
import { eventually } from '../support/eventually.ts';

const INITIAL_STOCK = 100_000;
const CLIENTS = 4;
/** How long a client waits between two orders, in ms. Without a pause, thousands of orders would be placed during a restart. */
const PAUSE_MS = 50;
/** The time limit for the restart of a killed broker or store, and for the first orders after the restart, in ms. */
const RECOVERED_WITHIN_MS = 240_000;

/**
 * Tests that the development environment restarts its broker and store after they are killed. `said` contains the lines
 * that the environment has printed so far. Later tests can call the returned function: it returns the ids of the orders
 * that were accepted before and just after the broker was killed.
 */
export function restartTests(started: () => DevEnvironment, said: readonly string[]): () => readonly string[] {
  let aroundKill: readonly string[] = [];
  test('npm start restarts a killed broker and a killed store at the previous addresses, and no accepted order is lost', async () => {
    const environment = started();
    const saidBefore = said.length;
    if (environment.broker.pid === undefined || environment.store.pid === undefined)
      throw new Error('the broker and the store must not run in Docker, because the test kills their processes');
    const { url } = environment.service;
    const token = await environment.service.token('stock:write');
    const put = await fetch(`${url}/stock/apple`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ available: INITIAL_STOCK }),
    });
    expect(put.status).toBe(200);

    const accepted = new Map<string, string>();
    const refusals: { status: number; retryAfter: string | null }[] = [];
    let isOver = false;
    const client = async (number: number) => {
      for (let at = 0; !isOver; at += 1) {
        const key = `order-${number}-${at}`;
        const body = JSON.stringify({
          customerId: 'ada',
          currency: 'EUR',
          items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }],
        });
        for (;;) {
          const response = await fetch(`${url}/orders`, {
            method: 'POST',
            headers: signedHeaders(body, { key }),
            body,
          });
          const answer = (await response.json()) as { orderId: string };
          if (response.status === 202) {
            accepted.set(key, answer.orderId);
            await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
            break;
          }
          refusals.push({ status: response.status, retryAfter: response.headers.get('retry-after') });
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    };
    const clients = Array.from({ length: CLIENTS }, (_, number) => client(number));
    const acceptsMore = (what: string) => {
      const before = accepted.size;
      return eventually(`orders accepted ${what}`, () => accepted.size >= before + 20, RECOVERED_WITHIN_MS);
    };

    await acceptsMore('before');
    const firstBroker = environment.broker.pid;
    process.kill(firstBroker, 'SIGKILL');
    await eventually('another broker', () => environment.broker.pid !== firstBroker, RECOVERED_WITHIN_MS);
    await acceptsMore('after the broker was killed');
    aroundKill = [...accepted.values()];
    const firstStore = environment.store.pid;
    process.kill(firstStore, 'SIGKILL');
    await eventually('another store', () => environment.store.pid !== firstStore, RECOVERED_WITHIN_MS);
    await acceptsMore('after the store was killed');
    isOver = true;
    await Promise.all(clients);

    // An order is refused only temporarily, with the time after which the client should send it again: 503 while the broker or the
    // store is down, and 409 while the idempotency key is reserved by a request that the killed process could not finish.
    expect(refusals.filter(({ status, retryAfter }) => ![409, 503].includes(status) || retryAfter === null)).toEqual(
      [],
    );
    expect(said.slice(saidBefore).filter((line) => line.includes('ended'))).toEqual([
      expect.stringMatching(/^RabbitMQ ended \(signal SIGKILL\); restarting \(\d of at most 5 restarts per minute\)$/),
      expect.stringMatching(/^DynamoDB ended \(signal SIGKILL\); restarting \(\d of at most 5 restarts per minute\)$/),
    ]);
    let fulfilled = 0;
    await eventually('every accepted order to be fulfilled', async () => {
      for (const [key, orderId] of accepted) {
        const response = await fetch(`${url}/orders/${orderId}`);
        const { status } = (await response.json()) as { status: string };
        if (status !== 'fulfilled') return false;
        accepted.delete(key);
        fulfilled += 1;
      }
      return true;
    });
    const stock = (await (await fetch(`${url}/stock/apple`)).json()) as { available: number };
    expect(stock.available).toBe(INITIAL_STOCK - fulfilled);
  }, 900_000);

  return () => aroundKill;
}
