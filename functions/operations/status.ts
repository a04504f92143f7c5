import { describeError, singleFlight } from 'surehop';
import { archiveTable, countOpen } from 'surehop/archive';
import { endpoint, ok, operator, Problem, type Route } from 'surehop/http';
import { processInboxTable } from 'surehop/inbox';
import { brokerSettings, readQueueFigures, type QueueFigures } from 'surehop/management';
import { statusOf, statusSchema } from 'surehop/operations';
import { createQueueProgress, type Progress } from 'surehop/progress';

import { deadLetterQueue, queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';

export const route = {
  route: 'GET /status',
  summary: 'Returns how many messages wait in each queue, in the delay queues and in the archive.',
  access: operator('status:read'),
  answers: { 200: statusSchema },
  problems: ['status-unavailable'],
  example: {
    answer: {
      queues: [
        {
          name: 'invoices',
          ready: 0,
          unacknowledged: 12,
          delayed: 0,
          consumers: 1,
          retrying: 0,
          deadLettered: 3,
          oldestMessage: { publishedAt: '2026-11-22T12:00:00.000Z', asOf: '2026-11-22T12:00:00.180Z' },
        },
      ],
      delayQueues: [{ name: 'retry.1s', delayMs: 1_000, waiting: 0 }],
      deadLetters: { ready: 0, unacknowledged: 0, delayed: 0, open: 3, openIsAtLeast: false },
    },
  },
} satisfies Route;

// A wrong setting must stop the function at its start and not fail its first request.
const settings = surehop.settings(brokerSettings);
const archive = archiveTable(surehop);
const queueProgress = createQueueProgress(processInboxTable(surehop));

const TIMEOUT_MS = 5_000;

/**
 * How long this function caches the number of messages in each queue, in ms. The broker updates these numbers only
 * every five seconds, and each request for them costs the broker work.
 */
const CACHED_MS = 5_000;

let cached: { readonly figures: QueueFigures[]; readonly readAtMs: number } | undefined;

const reading = singleFlight<QueueFigures[]>(surehop.clock);

/**
 * GET /status: returns the state of every queue. If DynamoDB is unavailable, the response contains only the numbers
 * that the broker reports.
 */
export const handler = endpoint(surehop, route, async ({ note }) => {
  const counted = countOpen(archive).catch((error: unknown) => note({ notCounted: describeError(error) }));
  const read = readProgress().catch((error: unknown) => note({ progressUnknown: describeError(error) }));
  const [figures, openDeadLetters, progress] = await Promise.all([currentFigures(), counted, read]);
  return ok(
    statusOf(Object.values(queues), deadLetterQueue, figures, openDeadLetters ?? undefined, progress ?? new Map()),
  );
});

async function currentFigures(): Promise<QueueFigures[]> {
  const { MANAGEMENT_URL } = settings;
  if (!MANAGEMENT_URL)
    throw new Problem('status-unavailable', 'Set MANAGEMENT_URL to the address of the management API of the broker.');
  if (cached && surehop.clock.now() - cached.readAtMs < CACHED_MS) return cached.figures;
  try {
    const figures = await reading.run(() => readQueueFigures({ ...settings, MANAGEMENT_URL }, TIMEOUT_MS), TIMEOUT_MS);
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
  const names = Object.values(queues).flatMap(({ shards }) => shards);
  const read = await Promise.all(names.map(async (name) => [name, await queueProgress.read(name)] as const));
  return new Map(read.flatMap(([name, progress]) => (progress ? [[name, progress]] : [])));
}
