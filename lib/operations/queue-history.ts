import { own } from '../runtime/own.ts';
import { MINUTE_MS, minuteOf, type QueueSample, type SampledQueue } from './queue-samples.ts';

/** The number of past minutes for which GET /status shows the message counts of the queues. */
export const HISTORY_MINUTES = 60;

/** The longest time between two samples from which a rate is calculated, in ms. */
const MAX_GAP_MS = 5 * MINUTE_MS;

/** One number for each minute of the last hour, or `null` for a minute in which the number was not recorded. */
type Numbers = (number | null)[];

/** The message counts of one work queue during the last hour, minute by minute. */
interface QueueHistory {
  readonly ready: Numbers;
  readonly unacknowledged: Numbers;
  readonly deadLettered: Numbers;
  /** How many messages per minute arrived in the queue, including retries and redriven messages. */
  readonly in: Numbers;
  /** How many messages per minute left the queue, because a consumer acknowledged them. */
  readonly out: Numbers;
}

export interface Histories {
  /** The minutes for which GET /status shows the message counts of each queue, oldest first (ISO 8601). */
  readonly minutes: readonly string[];
  ofQueue(name: string): QueueHistory;
  /** Returns the number of messages that waited in a delay queue, by minute. */
  ofDelayQueue(name: string): Numbers;
}

export function historiesOf(samples: readonly QueueSample[], nowMs: number): Histories {
  const minutes = Array.from({ length: HISTORY_MINUTES }, (_, index) =>
    minuteOf(nowMs - (HISTORY_MINUTES - 1 - index) * MINUTE_MS),
  );
  const byMinute = new Map(samples.map((sample, index) => [minuteOf(Date.parse(sample.takenAt)), index]));
  const perMinute = (number: (sample: QueueSample, before: QueueSample | undefined) => number | null | undefined) =>
    minutes.map((minute) => {
      const index = byMinute.get(minute);
      return index === undefined ? null : (number(samples[index]!, samples[index - 1]) ?? null);
    });
  return {
    minutes,
    ofQueue(name) {
      const rate = (count: (now: SampledQueue, before: SampledQueue) => number | null) =>
        perMinute((now, before) => {
          const gapMs = before ? Date.parse(now.takenAt) - Date.parse(before.takenAt) : Infinity;
          const [one, other] = [own(now.queues, name), before && own(before.queues, name)];
          if (!one || !other || gapMs <= 0 || gapMs > MAX_GAP_MS) return null;
          const messages = count(one, other);
          return messages === null ? null : Math.round((messages * MINUTE_MS * 10) / gapMs) / 10;
        });
      const figure = (of: keyof SampledQueue) => perMinute(({ queues }) => own(queues, name)?.[of]);
      return {
        ready: figure('ready'),
        unacknowledged: figure('unacknowledged'),
        deadLettered: figure('deadLettered'),
        in: rate(arrived),
        out: rate(acknowledged),
      };
    },
    ofDelayQueue: (name) => perMinute(({ delayQueues }) => own(delayQueues, name)),
  };
}

/**
 * Returns how many messages were acknowledged between two samples. Returns `null` if a sample contains no count, or if
 * the broker was restarted between the samples and therefore counts from 0 again.
 */
function acknowledged(now: SampledQueue, before: SampledQueue): number | null {
  if (now.acknowledged === null || before.acknowledged === null) return null;
  return now.acknowledged >= before.acknowledged ? now.acknowledged - before.acknowledged : null;
}

const heldBy = ({ ready, unacknowledged }: SampledQueue) =>
  ready === null || unacknowledged === null ? null : ready + unacknowledged;

/**
 * Returns how many messages arrived in the queue between two samples. RabbitMQ does not count the messages that come
 * from a delay queue, and therefore this number is calculated.
 */
function arrived(now: SampledQueue, before: SampledQueue): number | null {
  const [left, held, heldBefore] = [acknowledged(now, before), heldBy(now), heldBy(before)];
  // The broker updates its counts one after another, so the difference can be slightly negative.
  return left === null || held === null || heldBefore === null ? null : Math.max(left + held - heldBefore, 0);
}
