import { deadLetterQueue, queues } from '../../infra/topology.ts';
import { readQueueFigures } from '../../lib/broker/management.ts';
import { config } from '../../lib/config.ts';
import { describeError } from '../../lib/errors.ts';
import { log } from '../../lib/log.ts';
import { count } from '../../lib/metrics.ts';
import { queueMetrics } from './queue-metrics.ts';

const PATIENCE_MS = 10_000;

/** Once a minute: how much waits where, as metrics. The broker's own metrics do not tell queues apart. */
export async function handler(): Promise<void> {
  try {
    const { MANAGEMENT_URL } = config();
    if (!MANAGEMENT_URL) throw new Error('no management API: set MANAGEMENT_URL');
    const figures = await readQueueFigures({ ...config(), MANAGEMENT_URL }, PATIENCE_MS);
    const { metrics, missing } = queueMetrics(Object.values(queues), deadLetterQueue, figures);
    for (const { queue, name, value } of metrics) count(name, value, { queue });
    if (missing.length > 0) throw new Error(`the broker has no figures of ${missing.join(', ')}`);
    count('QueueReportFailed', 0);
  } catch (error) {
    const { code, message: reason } = describeError(error);
    log().error('queues not reported', { code, reason });
    count('QueueReportFailed', 1);
  }
}
