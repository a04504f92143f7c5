import { orderCreated, orderRejected } from '../../../functions/orders/events.ts';
import { awardPoints, withholdPoints } from '../../../functions/orders/rules/award-points.ts';
import { queues } from '../../../infra/topology.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { on } from '../../../lib/message/rule.ts';
import { misbehaving } from './misbehave.ts';
import { batchSteps, sabotagedDependencies } from './sabotage.ts';

const { name } = queues.points;

/**
 * The service's consumer that awards loyalty points, with two changes: faults can kill the process of the consumer, and
 * some orders fail on purpose.
 */
export const handler = batchSteps(
  name,
  createConsumer(
    {
      queue: queues.points,
      rules: [on(orderCreated, misbehaving(name, awardPoints)), on(orderRejected, withholdPoints)],
    },
    sabotagedDependencies(name),
  ),
);
