import { consumer, on } from 'surehop/consumer';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';
import { orderCreated, orderRejected } from './events.ts';
import { awardPoints, withholdPoints } from './rules/award-points.ts';

/**
 * Awards points for each order that is not rejected. The event `order.rejected` may arrive before or after the event
 * `order.created` of the same order.
 */
export const handler = consumer(surehop, {
  queue: queues.points,
  rules: [on(orderCreated, awardPoints), on(orderRejected, withholdPoints)],
});
