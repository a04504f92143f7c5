import { orderCreated } from '../../../functions/orders/events.ts';
import { reserveStock } from '../../../functions/orders/rules/reserve-stock.ts';
import { queues } from '../../../infra/topology.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { misbehaving } from './misbehave.ts';
import { batchSteps, sabotagedDependencies } from './sabotage.ts';

const { name } = queues.stock;

/**
 * The service's consumer that reserves stock, with two changes: faults can kill the process of the consumer, and some
 * orders fail on purpose.
 */
export const handler = batchSteps(
  name,
  createConsumer(
    { queue: queues.stock, event: orderCreated, decide: misbehaving(name, reserveStock) },
    sabotagedDependencies(name),
  ),
);
