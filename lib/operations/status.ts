import { createQueueProgress, type Progress } from '../consumer/progress.ts';
import { archiveTable } from '../archive/record.ts';
import { ok, type Answer } from '../http/answer.ts';
import { Problem } from '../http/problem.ts';
import type { Request } from '../http/request.ts';
import { inboxTableOf } from '../inbox/table.ts';
import { readQueueFigures, type QueueFigures } from '../rabbitmq/management/queue-figures.ts';
import { brokerSettings } from '../rabbitmq/settings.ts';
import { DEAD_LETTERS } from '../rabbitmq/topology/define.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { describeError } from '../runtime/errors.ts';
import { singleFlight } from '../runtime/single-flight.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { countOpen } from './count-open-dead-letters.ts';
import { HISTORY_MINUTES, historiesOf } from './queue-history.ts';
import { MINUTE_MS, queueSamples, type QueueSample } from './queue-samples.ts';
import { statusOf } from './queue-status.ts';

const TIMEOUT_MS = 5_000;

/**
 * How long GET /status reuses the message counts that it read from the broker, in ms. The broker updates its counts
 * every five seconds.
 */
const CACHED_MS = 5_000;

/**
 * Handles `statusRoute`: returns the state of every queue, now and during the last hour. If DynamoDB is unavailable,
 * the response contains only the broker's numbers.
 */
export function queueStatus(
  surehop: Surehop,
  queues: Readonly<Record<string, WorkQueue>>,
): (request: Pick<Request, 'note'>) => Promise<Answer> {
  // A wrong setting must stop the function at its start and not fail its first request.
  const settings = surehop.settings(brokerSettings);
  const archive = archiveTable(surehop);
  const queueProgress = createQueueProgress(inboxTableOf(surehop));
  const samples = queueSamples(surehop);
  const workQueues = Object.values(queues);
  const reading = singleFlight<QueueFigures[]>(surehop.clock);
  let cached: { readonly figures: QueueFigures[]; readonly readAtMs: number } | undefined;

  async function currentFigures(): Promise<QueueFigures[]> {
    const { MANAGEMENT_URL } = settings;
    if (!MANAGEMENT_URL)
      throw new Problem('status-unavailable', 'Set MANAGEMENT_URL to the address of the management API of the broker.');
    if (cached && surehop.clock.now() - cached.readAtMs < CACHED_MS) return cached.figures;
    try {
      const read = () => readQueueFigures({ ...settings, MANAGEMENT_URL }, TIMEOUT_MS);
      const figures = await reading.run(read, TIMEOUT_MS);
      cached = { figures, readAtMs: surehop.clock.now() };
      return figures;
    } catch (cause) {
      throw new Problem('status-unavailable', 'The management API of the broker does not answer; the log says why.', {
        cause,
      });
    }
  }

  async function readProgress(): Promise<Map<string, Progress>> {
    // Progress is stored per shard, because each shard has its own event source.
    const names = workQueues.flatMap(({ shards }) => shards);
    const read = await Promise.all(names.map(async (name) => [name, await queueProgress.read(name)] as const));
    return new Map(read.flatMap(([name, progress]) => (progress ? [[name, progress]] : [])));
  }

  return async ({ note }) => {
    const counted = countOpen(archive).catch((error: unknown) => note({ notCounted: describeError(error) }));
    const read = readProgress().catch((error: unknown) => note({ progressUnknown: describeError(error) }));
    const nowMs = surehop.clock.now();
    const sampled = samples
      // The first rate of the hour needs the sample before.
      .since(nowMs - (HISTORY_MINUTES + 1) * MINUTE_MS)
      .catch((error: unknown): QueueSample[] => {
        note({ historyUnknown: describeError(error) });
        return [];
      });
    const [figures, openDeadLetters, progress, history] = await Promise.all([currentFigures(), counted, read, sampled]);
    const histories = historiesOf(history, nowMs);
    const known = [openDeadLetters ?? undefined, progress ?? new Map<string, Progress>()] as const;
    return ok(statusOf(workQueues, DEAD_LETTERS, figures, ...known, histories));
  };
}
