export { nodeMetrics } from './node-metrics.ts';
export { queueMetrics } from './queue-metrics.ts';
export { statusOf, statusSchema } from './queue-status.ts';
