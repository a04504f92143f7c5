import { archiveTable } from '../archive/record.ts';
import { readNodeFigures, readQueueFigures, type QueueFigures } from '../rabbitmq/management/queue-figures.ts';
import { brokerSettings } from '../rabbitmq/settings.ts';
import { DEAD_LETTERS } from '../rabbitmq/topology/define.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { log } from '../runtime/log.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import { errorFields } from '../runtime/stack.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { countOpen } from './count-open-dead-letters.ts';
import { nodeMetrics } from './node-metrics.ts';
import { queueMetrics } from './queue-metrics.ts';
import { queueSamples, sampleOf } from './queue-samples.ts';

/** The timeout of one request to RabbitMQ's management API, in ms. */
const TIMEOUT_MS = 10_000;

/**
 * The maximum number of DynamoDB result pages (1 MB each) that are read to count open dead letters. If there are more
 * pages, the stored sample contains no count of dead letters.
 */
const SAMPLED_PAGES = 2;

type Access = Parameters<typeof readQueueFigures>[0];

/**
 * Creates the handler of a scheduled function that records metrics of each queue and of the broker's nodes. The handler
 * also stores samples of the queues' message counts, which GET /status returns for the last hour.
 */
export function reportQueues(surehop: Surehop, queues: Readonly<Record<string, WorkQueue>>): () => Promise<void> {
  const settings = surehop.settings(brokerSettings);
  const workQueues = Object.values(queues);
  const archive = archiveTable(surehop);
  const samples = queueSamples(surehop);

  async function attempt(queuesOrNodes: string, report: (access: Access) => Promise<void>): Promise<boolean> {
    try {
      const { MANAGEMENT_URL } = settings;
      if (!MANAGEMENT_URL)
        throw new Error('missing setting: set MANAGEMENT_URL to the URL of the management API of RabbitMQ');
      await report({ ...settings, MANAGEMENT_URL });
      return true;
    } catch (error) {
      log().error(`the metrics of the ${queuesOrNodes} were not reported`, errorFields(error));
      return false;
    }
  }

  async function storeSample(figures: readonly QueueFigures[]): Promise<void> {
    try {
      const { byQueue, isAtLeast } = await countOpen(archive, SAMPLED_PAGES);
      await samples.store(sampleOf(workQueues, figures, isAtLeast ? undefined : byQueue, surehop.clock.now()));
    } catch (error) {
      log().error('storing the sample of the queues failed; the history of GET /status has a gap', errorFields(error));
    }
  }

  async function recordQueues(access: Access): Promise<void> {
    const figures = await readQueueFigures(access, TIMEOUT_MS);
    const { metrics, missing } = queueMetrics(workQueues, DEAD_LETTERS, figures);
    for (const { queue, values } of metrics) recordMetrics(values, { queue });
    // Alarms can compare these counts with other metrics, so they need data before the first message is consumed.
    for (const { name: queue } of workQueues) recordMetrics({ Completed: 0, Rejected: 0 }, { queue });
    await storeSample(figures);
    const missingQueues = missing.join(', ');
    if (missingQueues !== '') throw new Error(`the broker reports no metrics for ${missingQueues}`);
  }

  return async () => {
    const reported = await Promise.all([attempt('queues', recordQueues), attempt('nodes', recordNodes)]);
    recordMetrics({ QueueReportFailed: reported.every(Boolean) ? 0 : 1 });
  };
}

async function recordNodes(access: Access): Promise<void> {
  const nodes = await readNodeFigures(access, TIMEOUT_MS);
  const down = nodes.filter(({ running }) => !running).map(({ name }) => name);
  if (down.length > 0) log().warn('some nodes of the broker are not running', { nodes: down });
  recordMetrics(nodeMetrics(nodes));
}
