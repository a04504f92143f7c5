import type { Add, Decision, Put } from 'surehop/consumer';
import type { Payload } from 'surehop/events';

import { tables } from '../../../infra/tables.ts';
import type { orderCreated, orderRejected } from '../events.ts';
import { pointsFor, totalOf } from '../total.ts';

/** Awards the points of an order, unless the event that this order was rejected has already arrived. */
export function awardPoints(order: Payload<typeof orderCreated>): Decision {
  const points = pointsFor(totalOf(order), order.currency);
  return {
    effects: [award(order, 'awarded', points, 'absent'), ...change(order.customerId, points)],
    otherwise: { outcome: 'rejected', reason: 'ORDER_REJECTED', effects: [] },
  };
}

/** Withholds the points of a rejected order, or takes the points back if they were already awarded. */
export function withholdPoints(rejection: Payload<typeof orderRejected>): Decision {
  const points = pointsFor(rejection.total, rejection.currency);
  return {
    effects: [award(rejection, 'withheld', 0, 'absent')],
    otherwise: {
      outcome: 'completed',
      reason: 'POINTS_TAKEN_BACK',
      effects: [
        award(rejection, 'taken-back', 0, { attribute: 'state', equals: 'awarded' }),
        ...change(rejection.customerId, -points),
      ],
    },
  };
}

const award = (
  order: { orderId: string; customerId: string },
  state: string,
  points: number,
  when: Put['when'],
): Put => ({
  kind: 'put',
  table: tables.awards,
  key: { orderId: order.orderId },
  item: { customerId: order.customerId, state, points },
  when,
});

const change = (customerId: string, points: number): Add[] =>
  points === 0 ? [] : [{ kind: 'add', table: tables.points, key: { customerId }, attribute: 'points', by: points }];
