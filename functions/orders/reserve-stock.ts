import { consumer } from 'surehop/consumer';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';
import { orderCreated } from './events.ts';
import { reserveStock } from './rules/reserve-stock.ts';

/** Subtracts the items of a new order from the stock, or rejects the order if the stock is too low. */
export const handler = consumer(surehop, { queue: queues.stock, event: orderCreated, decide: reserveStock });
