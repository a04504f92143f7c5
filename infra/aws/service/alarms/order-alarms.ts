import type { Stage } from '../../../stages/stage.ts';
import type { AlarmDefinition, Metric } from '../alarm.ts';

type Own = (name: string, statistic: string, dimensions?: Readonly<Record<string, string>>) => Metric;

const PLACE_ORDER = 'POST /orders';
/** The queue whose consumer decides whether an order is fulfilled or rejected. */
const DECIDED_BY = 'stock';

/**
 * Returns the metrics of orders: how many orders were accepted, were refused, failed, were fulfilled and were rejected,
 * and how long an order took until its outcome.
 */
export const orderMetrics = (own: Own) => ({
  accepted: own('Requests', 'Sum', { route: PLACE_ORDER, status: '202' }),
  refused: own('Requests', 'Sum', { route: PLACE_ORDER, status: '503' }),
  failed: own('Requests', 'Sum', { route: PLACE_ORDER, status: '500' }),
  fulfilled: own('Completed', 'Sum', { queue: DECIDED_BY }),
  rejected: own('Rejected', 'Sum', { queue: DECIDED_BY }),
  toFulfilment: own('TimeToOutcome', 'p90', { queue: DECIDED_BY }),
});

/** Returns the alarms for orders that are refused, that fail, that wait too long, or that are rejected too often. */
export function orderAlarms(own: Own, { alarms }: Pick<Stage, 'alarms'>): AlarmDefinition[] {
  const { accepted, refused, failed, fulfilled, rejected, toFulfilment } = orderMetrics(own);
  return [
    {
      name: 'orders-refused',
      description:
        'Orders are answered with 503: the broker is unavailable or blocks publishers, or a queue is full. GET /status shows which.',
      severity: 'critical',
      metrics: { refused },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
      ofWhich: 2,
    },
    {
      name: 'orders-failed',
      description: 'Orders are answered with 500. The log of place-order contains each error with its request id.',
      severity: 'critical',
      metrics: { failed },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
      ofWhich: 2,
    },
    {
      name: 'orders-intake-without-record',
      description: 'Orders are accepted without an idempotency record, because DynamoDB does not answer.',
      severity: 'warning',
      metrics: { unrecorded: own('IntakeRecordUnavailable', 'Sum') },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
      ofWhich: 2,
    },
    {
      name: 'orders-unfulfilled',
      description:
        'Orders were accepted for ten minutes, but none was fulfilled or rejected. Runbook: a stopped event source.',
      severity: 'critical',
      metrics: { accepted, fulfilled, rejected },
      expression: 'IF(FILL(accepted, 0) > 0 AND FILL(fulfilled, 0) + FILL(rejected, 0) == 0, 1, 0)',
      comparison: 'at least',
      threshold: 1,
      periods: 10,
    },
    {
      name: 'orders-rejected',
      description: 'For ten minutes more than half of the orders were rejected: the stock is empty or wrong.',
      severity: 'warning',
      metrics: { fulfilled, rejected },
      expression: '100 * FILL(rejected, 0) / (FILL(fulfilled, 0) + FILL(rejected, 0))',
      comparison: 'above',
      threshold: 50,
      periods: 10,
    },
    {
      name: 'orders-slow',
      description: `One order in ten takes more than ${alarms.acceptanceToFulfilmentMs} ms from acceptance to fulfilment. Runbook: a full queue.`,
      severity: 'warning',
      metrics: { toFulfilment },
      comparison: 'above',
      threshold: alarms.acceptanceToFulfilmentMs,
      periods: 5,
    },
  ];
}
