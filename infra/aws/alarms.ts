// The alarms of the service, as surehop-dev needs them for Prometheus.
export { ownMetric, type AlarmDefinition, type Metric } from './service/alarm.ts';
export { brokerAlarms } from './service/alarms/broker-alarms.ts';
export { functionAlarms, toolkitAlarms } from './service/alarms/function-alarms.ts';
export { queueAlarms } from './service/alarms/queue-alarms.ts';
export type { Chart } from './service/dashboard.ts';
export { recordedSubject } from './service/functions-stack.ts';
export { kindOf, routeOf, type FunctionDefinition } from './serverless.ts';
