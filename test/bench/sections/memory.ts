import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import { orders, plenty, rabbitMqEvent, record, stockUp } from '../batches.ts';
import { surehopConsumer } from '../consumers/surehop.ts';
import type { Bench, Measured } from '../protocol.ts';
import { openClient } from '../store.ts';

const MESSAGES = 5_000;
const BODY_BYTES = 1_024;
const SKUS = 10;
const MIB = 2 ** 20;

/**
 * Measures the peak heap usage while one batch of 5,000 messages of 1 KiB is processed, with a heap limit of 128 MiB.
 */
export async function memory(bench: Bench): Promise<Measured> {
  const { client } = openClient(await bench.freshStore(), undefined, dynamoDbClient);
  await stockUp(client, SKUS, plenty);
  let mostBytes = 0;
  const sample = () => (mostBytes = Math.max(mostBytes, process.memoryUsage().heapUsed));
  client.middlewareStack.add(
    (next) => (args) => {
      sample();
      return next(args);
    },
    { step: 'deserialize', name: 'sample' },
  );
  const timer = setInterval(sample, 5);
  const padded = orders(MESSAGES, SKUS).map(({ id, body }) => ({ id, body: body.padEnd(BODY_BYTES) }));
  const event = rabbitMqEvent(padded.map((order) => record(order)));
  globalThis.gc?.();
  const { counts } = await surehopConsumer(client)(event);
  clearInterval(timer);
  if (counts.completed !== MESSAGES)
    throw new Error(
      `expected all ${MESSAGES} messages of the batch to be completed, but got the outcomes ${JSON.stringify(counts)}`,
    );
  return { heap: mostBytes / MIB };
}
