import type { Stage } from '../../../stages/stage.ts';
import type { AlarmDefinition, Metric } from '../alarm.ts';

type Own = (name: string, statistic: string, dimensions?: Readonly<Record<string, string>>) => Metric;

const PLACE_ORDER = 'POST /orders';
/** The queue whose consumer decides about an order. */
const DECIDED_BY = 'stock';

/** What is told of orders: the numbers that somebody who sells looks at. */
export const orderMetrics = (own: Own) => ({
  accepted: own('Requests', 'Sum', { route: PLACE_ORDER, status: '202' }),
  refused: own('Requests', 'Sum', { route: PLACE_ORDER, status: '503' }),
  failed: own('Requests', 'Sum', { route: PLACE_ORDER, status: '500' }),
  fulfilled: own('Completed', 'Sum', { queue: DECIDED_BY }),
  rejected: own('Rejected', 'Sum', { queue: DECIDED_BY }),
  toFulfilment: own('TimeToOutcome', 'p90', { queue: DECIDED_BY }),
});

/** The business's layer of alarms. */
export function orderAlarms(own: Own, { alarms }: Pick<Stage, 'alarms'>): AlarmDefinition[] {
  const { accepted, refused, failed, fulfilled, rejected, toFulfilment } = orderMetrics(own);
  return [
    {
      name: 'orders-refused',
      description: 'Orders are answered 503: the broker is away, blocked, or a queue is full. GET /status says which.',
      severity: 'critical',
      metrics: { refused },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
      ofWhich: 2,
    },
    {
      name: 'orders-failed',
      description: 'Orders are answered 500. The log of place-order has each with its id.',
      severity: 'critical',
      metrics: { failed },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
      ofWhich: 2,
    },
    {
      name: 'orders-intake-without-record',
      description: 'Orders are taken without the record that knows a reused Idempotency-Key: DynamoDB does not answer.',
      severity: 'warning',
      metrics: { unrecorded: own('IntakeRecordUnavailable', 'Sum') },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
      ofWhich: 2,
    },
    {
      name: 'orders-unfulfilled',
      description: 'Orders were accepted for ten minutes, and none was decided about. Runbook: a stopped event source.',
      severity: 'critical',
      metrics: { accepted, fulfilled, rejected },
      expression: 'IF(FILL(accepted, 0) > 0 AND FILL(fulfilled, 0) + FILL(rejected, 0) == 0, 1, 0)',
      comparison: 'at least',
      threshold: 1,
      periods: 10,
    },
    {
      name: 'orders-rejected',
      description:
        'For ten minutes more than half of the orders were rejected: stock is empty, or not where it should be.',
      severity: 'warning',
      metrics: { fulfilled, rejected },
      expression: '100 * FILL(rejected, 0) / (FILL(fulfilled, 0) + FILL(rejected, 0))',
      comparison: 'above',
      threshold: 50,
      periods: 10,
    },
    {
      name: 'orders-slow',
      description: `One order in ten takes more than ${alarms.acceptanceToFulfilmentMs} ms from its acceptance to its fulfilment. Runbook: a full queue.`,
      severity: 'warning',
      metrics: { toFulfilment },
      comparison: 'above',
      threshold: alarms.acceptanceToFulfilmentMs,
      periods: 5,
    },
  ];
}
