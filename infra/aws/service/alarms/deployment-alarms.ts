import type { AlarmDefinition, Metric } from '../alarm.ts';

type Own = (name: string, statistic: string) => Metric;

/** The alarm for errors that retries cannot resolve: the deployment lacks a table or a permission. */
export const deploymentAlarms = (own: Own): AlarmDefinition[] => [
  {
    name: 'deployment-wrong',
    description:
      'DynamoDB refuses requests because a table, a permission or a credential is missing; processing stops until the deployment is fixed. The log lines "deployment is wrong" contain the details. Runbook: a batch that is redelivered repeatedly.',
    severity: 'critical',
    metrics: { faults: own('DeploymentWrong', 'Sum') },
    comparison: 'at least',
    threshold: 1,
    periods: 1,
  },
];
