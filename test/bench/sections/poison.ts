import { topology } from '../../../infra/topology.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { dynamoDbClient } from '../../../lib/dynamodb/client.ts';
import { aRecord } from '../../support/delivery.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { orders, plenty, rabbitMqEvent, record, stockUp } from '../batches.ts';
import { surehopConsumer } from '../consumers/surehop.ts';
import { keepToOne } from '../processors.ts';
import type { Bench, Measured } from '../protocol.ts';
import { latency as addedLatency, openClient, type Latency } from '../store.ts';
import { inTurns } from '../turns.ts';

const BATCH = 100;
const BATCHES_A_TURN = 4;
const TURNS = 4;
const SKUS = 10;

/**
 * Compares the time for batches of 100 valid messages with the time for batches of 99 valid messages and one malformed
 * message. The malformed message becomes a dead letter.
 */
export async function poison(bench: Bench): Promise<Measured> {
  keepToOne(process.pid);
  const host = await aVirtualHost();
  await declareTopology(host.amqpUrl, topology);
  try {
    return { asIs: await ratio(bench, host), latency: await ratio(bench, host, addedLatency) };
  } finally {
    await host.remove();
  }
}

async function ratio(bench: Bench, host: VirtualHost, latency?: Latency): Promise<number> {
  const side = async (poisoned: number) => {
    const endpoint = await bench.freshStore();
    await stockUp(openClient(endpoint).client, SKUS, plenty);
    const { client } = openClient(endpoint, latency, dynamoDbClient);
    const consume = surehopConsumer(client, host.publisher());
    const events = Array.from({ length: BATCHES_A_TURN * TURNS }, (_, n) => {
      const sound = orders(BATCH - poisoned, SKUS, n * BATCH).map((order) => record(order));
      const malformed = Array.from({ length: poisoned }, () => aRecord({ raw: Buffer.from('{"orderId":') }));
      return rabbitMqEvent([...sound.slice(0, 50), ...malformed, ...sound.slice(50)]);
    });
    return async () => {
      for (const event of events.splice(0, BATCHES_A_TURN)) {
        const { counts } = await consume(event);
        if (counts['dead-letter'] !== poisoned || counts.completed !== BATCH - poisoned)
          throw new Error(
            `expected ${BATCH - poisoned} completed and ${poisoned} dead-lettered messages in a batch, but got the outcomes ${JSON.stringify(counts)}`,
          );
      }
    };
  };
  const took = await inTurns({ sound: await side(0), poisoned: await side(1) }, TURNS);
  return took.sound / took.poisoned;
}
