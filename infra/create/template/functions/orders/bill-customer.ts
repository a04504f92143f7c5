import { consumer, type Decision } from 'surehop/consumer';
import type { Payload } from 'surehop/events';

import { tables } from '../../infra/tables.ts';
import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';
import { orderPlaced } from './events.ts';

/** The business rule: the price of an order is added to the balance of the customer, once per order. */
const billCustomer = ({ customerId, cents }: Payload<typeof orderPlaced>): Decision => ({
  effects: [tables.balances.add({ customerId }, 'cents', cents)],
});

/** Consumes the queue `billing`. */
export const handler = consumer(surehop, { queue: queues.billing, event: orderPlaced, decide: billCustomer });
