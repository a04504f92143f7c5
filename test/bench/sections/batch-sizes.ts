import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import { orders, plenty, rabbitMqEvent, record, stockUp } from '../batches.ts';
import { surehopConsumer } from '../consumers/surehop.ts';
import type { Bench, Measured } from '../protocol.ts';
import { openClient } from '../store.ts';
import { inTurns } from '../turns.ts';

const SKUS = 10;
/** Pairs of a batch size and the number of batches of this size. */
const SIZES = { ten: [10, 100], hundred: [100, 10], thousand: [1_000, 2], fiveThousand: [5_000, 1] } as const;

/** Compares the processing time per message in batches of 10, 100, 1,000 and 5,000 messages. */
export async function batchSizes(bench: Bench): Promise<Measured> {
  const side = async ([size, batches]: readonly [number, number]) => {
    const { client } = openClient(await bench.freshStore(), undefined, dynamoDbClient);
    await stockUp(client, SKUS, plenty);
    const consume = surehopConsumer(client);
    const events = Array.from({ length: batches }, (_, n) =>
      rabbitMqEvent(orders(size, SKUS, n * size).map((order) => record(order))),
    );
    return async () => {
      for (const event of events) {
        const { counts } = await consume(event);
        if (counts.completed !== size)
          throw new Error(
            `expected all ${size} messages of a batch to be completed, but got the outcomes ${JSON.stringify(counts)}`,
          );
      }
    };
  };
  const sides = {
    ten: await side(SIZES.ten),
    hundred: await side(SIZES.hundred),
    thousand: await side(SIZES.thousand),
    fiveThousand: await side(SIZES.fiveThousand),
  };
  const took = await inTurns(sides, 1);
  const perMessage = (name: keyof typeof SIZES) => took[name] / (SIZES[name][0] * SIZES[name][1]);
  return {
    100: perMessage('hundred') / perMessage('ten'),
    1000: perMessage('thousand') / perMessage('hundred'),
    5000: perMessage('fiveThousand') / perMessage('thousand'),
  };
}
