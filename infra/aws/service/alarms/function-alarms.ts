import type { Stage } from '../../../stages/stage.ts';
import type { AlarmDefinition, Metric } from '../alarm.ts';
import type { Kind } from '../../serverless.ts';

interface Subject {
  /** The key in serverless.yml. */
  readonly key: string;
  readonly functionName: string;
  readonly kind: Kind;
  readonly timeoutSeconds: number;
  /** Whether it publishes what comes in from outside, so that a throttle is an order refused. */
  readonly isPublisher: boolean;
}

/** The part of its time limit in percent that a batch or a job may take on average. */
const BUSY_PERCENT = 60;

/** Each function's layer of alarms: errors, throttles, how long it takes. */
export function functionAlarms(subject: Subject, { alarms }: Pick<Stage, 'alarms'>): AlarmDefinition[] {
  const { key, functionName, kind, timeoutSeconds, isPublisher } = subject;
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
          ? `Batches of ${key} come back to the queue, again and again. Runbook: a batch that comes back.`
          : `${key} fails with an error that it did not expect. Its log says which.`,
      severity: kind === 'consumer' || kind === 'direct' ? 'critical' : 'warning',
      metrics: { errors: metric('Errors', 'Sum') },
      comparison: 'at least',
      threshold: 1,
      // What is called once a month must not have to fail twice.
      ...(kind === 'direct' ? { periods: 1 } : { periods: 5, ofWhich: 3 }),
    },
    {
      name: `${key}-throttles`,
      description: isPublisher
        ? `${key} may not run as often as it is asked to: orders are refused. Runbook: too many connections.`
        : `${key} may not run as often as it is asked to. Raise its connections, or the account's concurrency.`,
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
        ? `${key} takes more than ${meanLimitMs} ms on average.`
        : `${key} takes more than ${BUSY_PERCENT} % of its time limit on average: ${kind === 'consumer' ? 'make eventSource.batchSize smaller, or its memory larger' : 'its log says what it waits for'}.`,
      severity: 'warning',
      metrics: { duration: metric('Duration', 'Average') },
      comparison: 'above',
      threshold: meanLimitMs,
      periods: 2,
    },
  ];
}
