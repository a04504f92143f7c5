import { queues } from '../../infra/topology.ts';
import { consumer } from '../../lib/consumer/consumer.ts';
import { orderCreated } from './events.ts';
import { reserveStock } from './rules/reserve-stock.ts';

/** Takes each new order's items out of the stock, or rejects the order. */
export const handler = consumer({ queue: queues.stock, event: orderCreated, decide: reserveStock });
