import type { AlarmDefinition, MetricOf } from './aws/service/alarm.ts';
import type { ServiceDeclaration } from './aws/service/declaration.ts';
import { queues } from './topology.ts';

const PLACE_ORDER = 'POST /orders';

/** The consumer of the queue `stock` fulfils or rejects each order. */
const decidedBy = { queue: queues.stock.name };

const orderMetrics = (metric: MetricOf) => ({
  accepted: {
    ...metric('Requests', 'Sum', { route: PLACE_ORDER, status: '202' }),
    meaning: 'orders that were accepted',
  },
  refused: {
    ...metric('Requests', 'Sum', { route: PLACE_ORDER, status: '503' }),
    meaning: 'orders that were refused because the broker or a queue could not take them',
  },
  failed: {
    ...metric('Requests', 'Sum', { route: PLACE_ORDER, status: '500' }),
    meaning: 'orders that were answered with an unexpected error',
  },
  fulfilled: { ...metric('Completed', 'Sum', decidedBy), meaning: 'orders whose stock was reserved' },
  rejected: { ...metric('Rejected', 'Sum', decidedBy), meaning: 'orders that were rejected, for example sold out' },
  acceptedToDecided: {
    ...metric('TimeToOutcome', 'p90', decidedBy),
    meaning: 'time from the acceptance of an order until it was fulfilled or rejected',
  },
});

/** The scopes, business alarms and business charts of this service. */
export const service: ServiceDeclaration = {
  name: 'surehop',
  metricsNamespace: 'Surehop',
  scopes: { 'stock:write': 'Set the stock' },

  businessMetrics: orderMetrics,

  alarms(metric): AlarmDefinition[] {
    const { accepted, refused, failed, fulfilled, rejected } = orderMetrics(metric);
    return [
      {
        name: 'orders-refused',
        description:
          'Orders are answered with 503: the broker is unavailable or blocks publishers, or a queue is full. GET /status shows which. Runbook: a full queue.',
        severity: 'critical',
        metrics: { refused },
        comparison: 'at least',
        threshold: 1,
        periods: 5,
        ofWhich: 2,
      },
      {
        name: 'orders-failed',
        description:
          'Orders are answered with 500. The log of place-order contains each error with its request id. Runbook: a function that fails.',
        severity: 'critical',
        metrics: { failed },
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
        promql: '($accepted > bool 0) * ($fulfilled + $rejected == bool 0)',
        expression: 'IF(FILL(accepted, 0) > 0 AND FILL(fulfilled, 0) + FILL(rejected, 0) == 0, 1, 0)',
        comparison: 'at least',
        threshold: 1,
        periods: 10,
      },
      {
        name: 'orders-rejected',
        description:
          'For ten minutes more than half of the orders were rejected: the stock is empty or wrong. Runbook: many rejected orders.',
        severity: 'warning',
        metrics: { fulfilled, rejected },
        promql: '100 * $rejected / ($fulfilled + $rejected)',
        expression: '100 * FILL(rejected, 0) / (FILL(fulfilled, 0) + FILL(rejected, 0))',
        comparison: 'above',
        threshold: 50,
        periods: 10,
      },
    ];
  },

  charts(metric) {
    const { accepted, refused, failed, fulfilled, rejected, acceptedToDecided } = orderMetrics(metric);
    return [
      {
        title: 'Orders per minute',
        metrics: [
          { ...accepted, label: 'accepted' },
          { ...fulfilled, label: 'fulfilled' },
          { ...rejected, label: 'rejected' },
        ],
      },
      {
        title: 'Orders not accepted per minute',
        metrics: [
          { ...refused, label: '503' },
          { ...failed, label: '500' },
        ],
      },
      {
        title: 'Acceptance to decision: p90 (ms)',
        metrics: [{ ...acceptedToDecided, label: 'orders' }],
      },
    ];
  },

  firstSteps: ({
    url,
    bearer,
  }) => `Set the stock of an item, place an order (signed with the development key), and read the customer's points:

  curl -X PUT ${url}/stock/apple -H 'content-type: application/json' -d '{"available": 100}' \\
    ${bearer('stock:write')}
  npm run order -- --sku apple --quantity 2 --key my-first-order --url ${url}
  curl ${url}/customers/ada/points`,
};
