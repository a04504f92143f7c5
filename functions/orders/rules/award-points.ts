import type { Decision } from 'surehop/consumer';
import type { Payload } from 'surehop/events';

import { tables } from '../../../infra/tables.ts';
import type { orderCreated, orderRejected } from '../events.ts';
import { pointsFor, totalOf } from '../total.ts';

/** Awards points for an order, unless the event `order.rejected` has already arrived for this order. */
export function awardPoints(order: Payload<typeof orderCreated>): Decision {
  const { orderId, customerId, currency } = order;
  const points = pointsFor(totalOf(order), currency);
  return {
    effects: [
      tables.awards.put({ orderId }, { customerId, state: 'awarded', points }, { when: 'absent' }),
      ...change(customerId, points),
    ],
    otherwise: { outcome: 'rejected', reason: 'ORDER_REJECTED', effects: [] },
  };
}

/** Withholds the points of a rejected order, or takes the points back if they were already awarded. */
export function withholdPoints(rejection: Payload<typeof orderRejected>): Decision {
  const { orderId, customerId, total, currency } = rejection;
  return {
    effects: [tables.awards.put({ orderId }, { customerId, state: 'withheld', points: 0 }, { when: 'absent' })],
    otherwise: {
      outcome: 'completed',
      reason: 'POINTS_TAKEN_BACK',
      effects: [
        tables.awards.set({ orderId }, { state: 'taken-back', points: 0 }, { when: { state: { equals: 'awarded' } } }),
        ...change(customerId, -pointsFor(total, currency)),
      ],
    },
  };
}

const change = (customerId: string, points: number) =>
  points === 0 ? [] : [tables.points.add({ customerId }, 'points', points)];
