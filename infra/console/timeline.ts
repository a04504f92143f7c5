import type { messageRoute } from 'surehop/timeline';
import type * as z from 'zod';

type MessageTimeline = z.output<(typeof messageRoute.answers)[200]>;
type TimelineStep = MessageTimeline['steps'][number];

/**
 * The timeline of a message or of an order. The service, not the toolkit, defines the route that returns an order's
 * timeline. Only an order's timeline has the fields `status`, `endedAt` and `durationMs`.
 */
export interface Timeline extends Omit<MessageTimeline, 'steps'> {
  readonly steps: readonly (Omit<TimelineStep, 'step'> & { readonly step: string })[];
  readonly status?: string;
  readonly endedAt?: string;
  readonly durationMs?: number;
}
