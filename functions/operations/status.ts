import { deadLetterQueue, queues } from '../../infra/topology.ts';
import { readQueueFigures, type QueueFigures } from '../../lib/rabbitmq/admin/queue-figures.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { config } from '../../lib/runtime/config.ts';
import { describeError } from '../../lib/runtime/errors.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { operator } from '../../lib/http/auth/operator.ts';
import { Problem } from '../../lib/http/problem.ts';
import type { Route } from '../../lib/http/route.ts';
import { createQueueProgress, type Progress } from '../../lib/consumer/progress.ts';
import { processInboxTable } from '../../lib/inbox/process-inbox.ts';
import { singleFlight } from '../../lib/runtime/single-flight.ts';
import { countOpen } from '../../lib/dead-letters/count-open.ts';
import { archiveTable } from '../../lib/dead-letters/record.ts';
import { store } from '../../lib/dynamodb/store.ts';
import { whatWaits } from './answers.ts';
import { statusOf } from './queue-status.ts';

export const route = {
  route: 'GET /status',
  summary: 'What waits where.',
  access: operator('status:read'),
  answers: { 200: whatWaits },
  problems: ['status-unavailable'],
  example: {
    answer: {
      queues: [
        {
          name: 'stock',
          ready: 0,
          unacknowledged: 12,
          delayed: 0,
          consumers: 1,
          retrying: 0,
          deadLettered: 3,
          oldestMessage: { publishedAt: '2026-11-22T12:00:00.000Z', asOf: '2026-11-22T12:00:00.180Z' },
        },
      ],
      retryTiers: [{ name: 'retry.1s', delayMs: 1_000, waiting: 0 }],
      deadLetters: { ready: 0, unacknowledged: 0, delayed: 0, open: 3, openIsAtLeast: false },
    },
  },
} satisfies Route;

const PATIENCE_MS = 5_000;

/** For how long figures are used again: the broker counts anew every five seconds only, and counting costs it. */
const CACHED_MS = 5_000;

let cached: { readonly figures: QueueFigures[]; readonly readAtMs: number } | undefined;

const reading = singleFlight<QueueFigures[]>(systemClock);

/** GET /status: what waits where. With the store away it tells what the broker knows. */
export const handler = endpoint(route, async ({ note }) => {
  const counted = countOpen(archiveTable(store(), config())).catch((error: unknown) =>
    note({ notCounted: describeError(error) }),
  );
  const read = readProgress().catch((error: unknown) => note({ progressUnknown: describeError(error) }));
  const [figures, openDeadLetters, progress] = await Promise.all([currentFigures(), counted, read]);
  return ok(
    statusOf(Object.values(queues), deadLetterQueue, figures, openDeadLetters ?? undefined, progress ?? new Map()),
  );
});

async function currentFigures(): Promise<QueueFigures[]> {
  const { MANAGEMENT_URL } = config();
  if (!MANAGEMENT_URL)
    throw new Problem('status-unavailable', 'Set MANAGEMENT_URL to the address of the management API of the broker.');
  if (cached && systemClock.now() - cached.readAtMs < CACHED_MS) return cached.figures;
  try {
    const figures = await reading.run(
      () => readQueueFigures({ ...config(), MANAGEMENT_URL }, PATIENCE_MS),
      PATIENCE_MS,
    );
    cached = { figures, readAtMs: systemClock.now() };
    return figures;
  } catch (cause) {
    throw new Problem('status-unavailable', 'The management API of the broker does not answer; the log says why.', {
      cause,
    });
  }
}

async function readProgress(): Promise<Map<string, Progress>> {
  // Each shard is worked on by itself.
  const names = Object.values(queues).flatMap(({ shards }) => shards);
  const queueProgress = createQueueProgress(processInboxTable());
  const read = await Promise.all(names.map(async (name) => [name, await queueProgress.read(name)] as const));
  return new Map(read.flatMap(([name, progress]) => (progress ? [[name, progress]] : [])));
}
