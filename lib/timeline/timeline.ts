import type { DeadLetter } from '../archive/dead-letter.ts';
import { isBrokerCode } from '../dead-letters/origin.ts';
import type { FailedAttempt } from '../events/failed-attempts.ts';
import type { Marker, UnreadableMarker } from '../inbox/inbox.ts';
import { compareAttempts } from '../inbox/marker.ts';
import { describeError } from '../runtime/errors.ts';
import type { ConsumerState, TimelineStep, TracedMessage } from './schema.ts';

export interface Recorded {
  readonly messageId: string;
  /** The readable inbox markers of the message, at most one for each queue. */
  readonly markers: readonly Marker[];
  readonly unreadableMarkers: readonly UnreadableMarker[];
  readonly isolatedRuns: readonly { readonly queue: string; readonly endsByMs: number }[];
  readonly deadLetters: readonly DeadLetter[];
}

type Step = Omit<TimelineStep, 'afterMs'>;

export const isKnown = ({ markers, unreadableMarkers, deadLetters, isolatedRuns }: Recorded): boolean =>
  markers.length + unreadableMarkers.length + deadLetters.length + isolatedRuns.length > 0;

/**
 * Combines the records of one message for the timeline: the state of the message in each queue, and details such as the
 * type and the trace id of the message.
 */
export function tracedMessageOf(
  recorded: Recorded,
  followsFrom: TracedMessage['followsFrom'],
  nowMs: number,
): TracedMessage {
  const { messageId, markers, unreadableMarkers, deadLetters, isolatedRuns } = recorded;
  const queues = new Set([
    ...[...markers, ...unreadableMarkers].map(({ queue }) => queue),
    ...isolatedRuns.map(({ queue }) => queue),
    ...deadLetters.flatMap(({ queue }) => queue ?? []),
  ]);
  const fact = (name: 'type' | 'correlationId') =>
    markers.find(({ facts }) => facts?.[name])?.facts?.[name] ?? deadLetters.find((one) => one[name])?.[name];
  const publishedAt = publishedAtOf(recorded);
  const traceId =
    markers.find(({ facts }) => facts?.traceId)?.facts?.traceId ??
    deadLetters.find(({ traceparent }) => traceparent)?.traceparent?.slice(3, 35);
  return {
    messageId,
    type: fact('type'),
    correlationId: fact('correlationId'),
    traceId,
    publishedAt,
    followsFrom,
    consumers: Array.from(queues, (queue) => {
      const runs = isolatedRuns.filter((run) => run.queue === queue);
      const state = stateIn(queue, recorded, nowMs);
      return {
        ...state,
        durationMs:
          publishedAt && state.at && (state.state === 'completed' || state.state === 'rejected')
            ? Math.max(Date.parse(state.at) - Date.parse(publishedAt), 0)
            : undefined,
        isolatedRunsEndBy: runs.length > 0 ? runs.map(({ endsByMs }) => new Date(endsByMs).toISOString()) : undefined,
      };
    }),
  };
}

const publishedAtOf = ({ markers, deadLetters }: Recorded): string | undefined =>
  markers.find(({ facts }) => facts?.publishedAt)?.facts?.publishedAt ??
  deadLetters.find(({ publishedAt }) => publishedAt)?.publishedAt;

export function stateIn(queue: string, recorded: Recorded, nowMs: number): ConsumerState {
  const found = readableStateIn(queue, recorded, nowMs);
  const unreadable = recorded.unreadableMarkers.find((marker) => marker.queue === queue);
  if (!unreadable) return found;
  const { code, message } = describeError(unreadable.error);
  const markerError = { code, message };
  // The consumer may have completed the message, and only the unreadable inbox marker would show this.
  return found.state === 'pending' ? { queue, state: 'unreadable', markerError } : { ...found, markerError };
}

/**
 * Returns the state of a message in a queue, determined from the dead letters and from those inbox markers that can be
 * read. An inbox marker decides the state if it says that the message was completed or rejected, or is being processed.
 * Otherwise, the newer of the inbox marker and the latest dead letter decides.
 */
function readableStateIn(queue: string, { markers, deadLetters }: Recorded, nowMs: number): ConsumerState {
  const marker = markers.find((one) => one.queue === queue);
  if (marker && 'supersededBy' in marker) return { queue, state: 'superseded', at: marker.at };
  if (marker?.state === 'completed' || marker?.state === 'rejected')
    return { queue, state: marker.state, at: marker.at, reason: marker.reason };
  if (marker?.state === 'leased' && marker.leaseExpiresAtMs > nowMs)
    return { queue, state: 'processing', at: marker.at };
  const latest = latestIn(queue, deadLetters);
  const failed = marker && 'attempt' in marker ? marker : undefined;
  if (latest && latest.redrives >= (failed?.redrives ?? 0)) {
    const { id, code, reason, status, attempt, deadLetteredAt, history } = latest;
    const last = history.at(-1)?.at;
    if (status === 'redriven') return { queue, state: 'pending', at: last };
    if (status === 'superseded') return { queue, state: 'superseded', at: last };
    const error = { code, message: reason };
    return status === 'discarded'
      ? { queue, state: 'discarded', at: last, error, attempt, deadLetterId: id }
      : { queue, state: 'dead-lettered', at: deadLetteredAt, error, attempt, deadLetterId: id };
  }
  if (!failed) return { queue, state: 'pending' };
  const { state, at, attempt, code, message } = failed;
  return { queue, state, at, error: { code, message }, attempt };
}

const latestIn = (queue: string, deadLetters: readonly DeadLetter[]): DeadLetter | undefined =>
  deadLetters
    .filter((deadLetter) => deadLetter.queue === queue)
    .toSorted((a, b) => b.redrives - a.redrives || (a.deadLetteredAt < b.deadLetteredAt ? 1 : -1))[0];

/** Returns the recorded steps of one message, in no particular order. */
export function stepsOf(recorded: Recorded): Step[] {
  const { messageId, markers, deadLetters } = recorded;
  const publishedAt = publishedAtOf(recorded);
  const failures = new Map<string, Step>();
  const addFailures = (queue: string | undefined, redrives: number, attempts: readonly FailedAttempt[] = []) => {
    for (const { attempt, at, delayMs, code, message } of attempts)
      failures.set(JSON.stringify([queue, redrives, attempt]), {
        at,
        step: 'failed',
        messageId,
        queue,
        redrives,
        attempt,
        delaySeconds: delayMs / 1_000,
        error: { code, message },
      });
  };
  const steps: Step[] = publishedAt ? [{ at: publishedAt, step: 'published', messageId }] : [];
  for (const { queue, redrives, failedAttempts } of deadLetters) addFailures(queue, redrives, failedAttempts);
  for (const marker of markers) {
    addFailures(marker.queue, marker.facts?.redrives ?? 0, marker.facts?.failedAttempts);
    steps.push(...markerSteps(marker, deadLetters));
  }
  return [
    ...steps,
    ...failures.values(),
    ...deadLetters.flatMap((deadLetter) => deadLetterSteps(messageId, deadLetter)),
  ];
}

function markerSteps(marker: Marker, deadLetters: readonly DeadLetter[]): Step[] {
  const { queue, id: messageId, at, facts } = marker;
  const about = { messageId, queue };
  switch (marker.state) {
    case 'completed':
    case 'rejected': {
      // The archived dead letter contains who edited the message, and why.
      if (marker.supersededBy) return [];
      const { state: step, reason, effects, events } = marker;
      const followUps = events.map(({ id, type }) => ({ messageId: id, type }));
      // An inbox marker of an earlier release does not contain the number of the attempt.
      const { redrives = facts && 0, attempt = facts && 1 } = facts ?? {};
      return [
        ...(facts?.startedAt ? [{ ...about, at: facts.startedAt, step: 'started', redrives, attempt } as const] : []),
        {
          ...about,
          at,
          step,
          redrives,
          attempt,
          reason,
          effects,
          followUps: followUps.length > 0 ? followUps : undefined,
        },
      ];
    }
    case 'leased':
      return [{ ...about, at, step: 'started' }];
    case 'retrying': {
      const { redrives, attempt, code, message } = marker;
      const isListed = facts?.failedAttempts?.some((failed) => failed.attempt === attempt);
      return isListed ? [] : [{ ...about, at, step: 'failed', redrives, attempt, error: { code, message } }];
    }
    case 'dead-lettered': {
      const { redrives, attempt, code, message } = marker;
      const isArchived = deadLetters.some((one) => one.queue === queue && compareAttempts(one, marker) === 0);
      return isArchived ? [] : [{ ...about, at, step: 'dead-lettered', redrives, attempt, error: { code, message } }];
    }
  }
}

function deadLetterSteps(messageId: string, deadLetter: DeadLetter): Step[] {
  const { id: deadLetterId, queue, redrives, attempt, code, reason, deadLetteredAt, history } = deadLetter;
  const about = { messageId, queue, deadLetterId };
  const error = { code, message: reason };
  return [
    {
      ...about,
      at: deadLetteredAt,
      step: 'dead-lettered',
      redrives,
      attempt: isBrokerCode(code) ? undefined : attempt,
      error,
    },
    ...history.map((action): Step => ({
      ...about,
      at: action.at,
      step: action.action,
      redrives: action.action === 'redriven' ? action.redrives : undefined,
      reason: action.reason,
      by: action.by,
      supersededBy: action.action === 'superseded' ? action.messageId : undefined,
    })),
  ];
}

const ORDER: Readonly<Record<Step['step'], number>> = {
  published: 0,
  redriven: 1,
  started: 2,
  failed: 3,
  'dead-lettered': 4,
  completed: 5,
  rejected: 5,
  discarded: 6,
  superseded: 6,
};

/** Sorts the steps of all messages by time, and adds the time since the first step. */
export function inOrder(steps: readonly Step[]): TimelineStep[] {
  const sorted = steps.toSorted((a, b) => (a.at === b.at ? ORDER[a.step] - ORDER[b.step] : a.at < b.at ? -1 : 1));
  const firstMs = Date.parse(sorted[0]?.at ?? '');
  return sorted.map((step) => ({ ...step, afterMs: Date.parse(step.at) - firstMs }));
}
