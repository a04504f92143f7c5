import type { Stage } from '../../../stages/stage.ts';
import type { AlarmDefinition, Metric, MetricOf } from '../alarm.ts';
import type { Kind } from '../../serverless.ts';

interface Subject {
  /** The key of the function in serverless.yml. */
  readonly key: string;
  readonly functionName: string;
  readonly kind: Kind;
  readonly timeoutSeconds: number;
  /**
   * Whether the function publishes messages for clients. If AWS throttles this function, clients get an error response.
   */
  readonly isPublisher: boolean;
  /** The method and path of the requests that the function answers, if it is an HTTP function. */
  readonly route?: string | undefined;
  /** The work queue whose messages the function consumes. Absent if the function is not a consumer. */
  readonly workQueue?: string | undefined;
}

const BUSY_PERCENT = 60;

/**
 * Returns the alarms of a function: for errors, for throttled invocations, and for the mean duration of the
 * invocations.
 */
export function functionAlarms(subject: Subject, own: MetricOf, { alarms }: Pick<Stage, 'alarms'>): AlarmDefinition[] {
  const { key, functionName, kind, timeoutSeconds, isPublisher } = subject;
  const recorded = recordedBy(subject, own);
  const metric = (name: string, statistic: string): Metric => ({
    namespace: 'AWS/Lambda',
    name,
    statistic,
    dimensions: { FunctionName: functionName },
  });
  const isRequest = kind === 'request';
  const meanLimitMs = isRequest ? alarms.meanDurationMs : (timeoutSeconds * 1_000 * BUSY_PERCENT) / 100;
  return [
    {
      name: `${key}-errors`,
      description:
        kind === 'consumer'
          ? `Batches of ${key} are redelivered repeatedly. Runbook: a batch that is redelivered repeatedly.`
          : `${key} fails with an unexpected error. The log of the function contains the error. Runbook: a function that fails.`,
      severity: kind === 'consumer' || kind === 'direct' ? 'critical' : 'warning',
      metrics: { errors: metric('Errors', 'Sum') },
      ...(recorded && { recorded: { errors: recorded.errors } }),
      comparison: 'at least',
      threshold: 1,
      // A function such as rotate-login may run only once a month, so its first failure must raise the alarm.
      ...(kind === 'direct' ? { periods: 1 } : { periods: 5, ofWhich: 3 }),
    },
    {
      name: `${key}-throttles`,
      description: isPublisher
        ? `${key} is throttled, so requests of clients are refused. Runbook: too many connections.`
        : `${key} is throttled. Raise its access.connections or the account's concurrency. Runbook: a slow or throttled function.`,
      severity: isPublisher ? 'critical' : 'warning',
      metrics: { throttles: metric('Throttles', 'Sum') },
      comparison: 'at least',
      threshold: 1,
      periods: 5,
      ofWhich: 2,
    },
    {
      name: `${key}-mean-duration`,
      description: isRequest
        ? `${key} takes more than ${meanLimitMs} ms on average. Runbook: a slow or throttled function.`
        : `${key} takes more than ${BUSY_PERCENT} % of its timeout on average: ${kind === 'consumer' ? 'reduce eventSource.batchSize or increase its memory' : 'the log shows the slow step'}. Runbook: a slow or throttled function.`,
      severity: 'warning',
      metrics: { duration: metric('Duration', 'Average') },
      ...(recorded && { recorded: { duration: recorded.duration } }),
      comparison: 'above',
      threshold: meanLimitMs,
      periods: 2,
    },
  ];
}

function recordedBy(
  { route, workQueue: queue }: Pick<Subject, 'route' | 'workQueue'>,
  own: MetricOf,
): { readonly errors: Metric; readonly duration: Metric } | undefined {
  if (route !== undefined)
    return {
      errors: own('Requests', 'Sum', { route, status: '500' }),
      duration: own('RequestDuration', 'Average', { route }),
    };
  if (queue === undefined) return undefined;
  return { errors: own('Unfinished', 'Sum', { queue }), duration: own('BatchDuration', 'Average', { queue }) };
}

export const toolkitAlarms = (own: MetricOf): AlarmDefinition[] => [
  {
    name: 'requests-without-record',
    description:
      'Requests are accepted without an idempotency record, because DynamoDB does not answer. Runbook: requests without an idempotency record.',
    severity: 'warning',
    metrics: { unrecorded: own('IntakeRecordUnavailable', 'Sum') },
    comparison: 'at least',
    threshold: 1,
    periods: 5,
    ofWhich: 2,
  },
  {
    name: 'events-unroutable',
    description:
      'No queue receives some follow-up events, and the messages that caused these events are postponed. The log lines "no queue receives a follow-up event" name the events. Runbook: a batch that is redelivered repeatedly.',
    severity: 'critical',
    metrics: { unroutable: own('EventsUnroutable', 'Sum') },
    comparison: 'at least',
    threshold: 1,
    periods: 1,
  },
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
