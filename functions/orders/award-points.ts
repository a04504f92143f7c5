import { queues } from '../../infra/topology.ts';
import { consumer } from '../../lib/consumer/consumer.ts';
import { on } from '../../lib/consumer/rule.ts';
import { orderCreated, orderRejected } from './events.ts';
import { awardPoints, withholdPoints } from './rules/award-points.ts';

/** Awards points for each new order, and none for a rejected one, in whichever order the two arrive. */
export const handler = consumer({
  queue: queues.points,
  rules: [on(orderCreated, awardPoints), on(orderRejected, withholdPoints)],
});
