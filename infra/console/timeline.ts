import type { messageRoute } from 'surehop/timeline';
import type * as z from 'zod';

type MessageTimeline = z.output<(typeof messageRoute.answers)[200]>;
type TimelineStep = MessageTimeline['steps'][number];

/**
 * The timeline of a message or of an order. A route that the service itself defines returns the timeline of an order.
 * Only the timeline of an order has the fields `status`, `endedAt` and `durationMs`.
 */
export interface Timeline extends Omit<MessageTimeline, 'steps'> {
  readonly steps: readonly (Omit<TimelineStep, 'step'> & { readonly step: string })[];
  readonly status?: string;
  readonly endedAt?: string;
  readonly durationMs?: number;
}
