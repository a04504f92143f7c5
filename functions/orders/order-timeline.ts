import * as z from 'zod';
import type { Item } from 'surehop/dynamodb';
import { exampleTimeline, steps, timelineSchema, timelineStep, type Timeline } from 'surehop/timeline';

import { orderCreated } from './events.ts';
import { orderStatusSchema, outcomeOf, statusOf } from './order-status.ts';

const step = timelineStep.extend({ step: z.enum(['accepted', ...steps]) });
const award = z.strictObject({ state: z.enum(['awarded', 'withheld', 'taken-back']), points: z.int() });

export const orderTimelineSchema = timelineSchema.extend({
  orderId: z.string(),
  status: orderStatusSchema.shape.status,
  /** The points of the order, and whether they were awarded, withheld or taken back. */
  award: award.optional(),
  steps: z.array(step),
  /**
   * When the order ended: when the last consumer completed or rejected a message of the order, or an operator discarded
   * it.
   */
  endedAt: z.iso.datetime().optional(),
  /** The time from the first recorded step of the order to the end of the order, in ms. */
  durationMs: z.int().optional(),
});

type OrderTimeline = z.infer<typeof orderTimelineSchema>;
type Message = Timeline['messages'][number];
type State = Message['consumers'][number]['state'];

/** The final states of a message. A message leaves a final state only if it is published again. */
const ENDED: ReadonlySet<State> = new Set(['completed', 'rejected', 'discarded', 'superseded']);

/**
 * Composes the timeline of an order. Returns undefined if nothing is recorded about an order with this id, for example
 * because the id belongs to a message that is not an order.
 */
export function orderTimeline(
  orderId: string,
  intake: Item | undefined,
  points: z.infer<typeof award> | undefined,
  timeline: Timeline | undefined,
  queues: readonly string[],
): OrderTimeline | undefined {
  const { messages = [], steps: recorded = [], isIncomplete = false } = timeline ?? {};
  const [first, ...followUps] = messages;
  if (!intake && (!first || !isOrder(first))) return undefined;
  const stateIn = (queue: string, message = first): State => {
    const state = message?.consumers.find((one) => one.queue === queue)?.state ?? 'pending';
    if (state !== 'superseded') return state;
    // An operator has edited the message, and the edited message decides.
    const isEdited = ({ followsFrom }: Message) =>
      followsFrom?.messageId === message?.messageId && followsFrom?.queue === queue;
    const edited = followUps.find(isEdited);
    return edited ? stateIn(queue, edited) : 'pending';
  };
  const acceptedAt = typeof intake?.acceptedAt === 'string' ? intake.acceptedAt : undefined;
  const steps = withAcceptance(orderId, acceptedAt, recorded);
  const isUnconfirmed = intake !== undefined && intake.status !== 'accepted' && !timeline;
  const isEnded =
    !isIncomplete &&
    queues.every((queue) => ENDED.has(stateIn(queue))) &&
    followUps.every(({ consumers }) => consumers.length > 0 && consumers.every(({ state }) => ENDED.has(state)));
  const last = isEnded ? steps.at(-1) : undefined;
  return {
    orderId,
    status: statusOf(
      queues.map((queue) => outcomeOf(stateIn(queue))),
      isUnconfirmed,
    ),
    award: points && { state: points.state, points: points.points },
    messages,
    steps,
    endedAt: last?.at,
    durationMs: last?.afterMs,
    isIncomplete,
  };
}

const isOrder = ({ type, editedFrom }: Message) =>
  editedFrom === undefined && (type === undefined || type === orderCreated.type);

/**
 * Adds the step `accepted` to the steps of an order, and sorts the steps by time. A consumer can receive the message
 * before the order is accepted.
 */
function withAcceptance(
  messageId: string,
  acceptedAt: string | undefined,
  recorded: Timeline['steps'],
): OrderTimeline['steps'] {
  if (acceptedAt === undefined) return [...recorded];
  const firstMs = Math.min(Date.parse(recorded[0]?.at ?? acceptedAt), Date.parse(acceptedAt));
  const all = [...recorded, { at: acceptedAt, step: 'accepted' as const, messageId }];
  return all
    .map((one) => ({ ...one, afterMs: Date.parse(one.at) - firstMs }))
    .toSorted((one, other) => one.afterMs - other.afterMs);
}

const [published, ...others] = exampleTimeline.steps;

export const exampleOrderTimeline: OrderTimeline = {
  orderId: exampleTimeline.messages[0]!.messageId,
  status: 'accepted',
  award: { state: 'awarded', points: 3 },
  ...exampleTimeline,
  steps: [
    published!,
    { at: '2026-11-22T12:00:00.012Z', afterMs: 12, step: 'accepted', messageId: published!.messageId },
    ...others,
  ],
};
