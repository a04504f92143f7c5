import type { AlarmDefinition, Metric } from '../alarm.ts';

type Own = (name: string, statistic: string) => Metric;

/** The alarm for what no retry helps against: a table or a permission that the deployment lacks. */
export const deploymentAlarms = (own: Own): AlarmDefinition[] => [
  {
    name: 'deployment-wrong',
    description:
      'DynamoDB refuses requests because a table, a permission or a credential is missing; queues do not move until it is there. The log lines "deployment is wrong" name it. Runbook: a batch that comes back.',
    severity: 'critical',
    metrics: { faults: own('DeploymentWrong', 'Sum') },
    comparison: 'at least',
    threshold: 1,
    periods: 1,
  },
];
