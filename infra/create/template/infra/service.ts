import type { ServiceDeclaration } from 'serverless-surehop/service';

export const service: ServiceDeclaration = {
  name: 'my-service',
  metricsNamespace: 'Surehop',
  /** The service's own scopes of operators' tokens, with their descriptions. Surehop's scopes need not be listed. */
  scopes: {},
  /** The alarms on business metrics. Functions, queues and the broker get their alarms automatically. */
  alarms: () => [],
  charts: () => [],
  firstSteps: () => `Place an order, and see what happens to its message:

  npx surehop send POST /orders '{"customerId": "ada", "cents": 250}'
  npx surehop trace`,
};
