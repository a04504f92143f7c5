import * as z from 'zod';

const at = z.iso.datetime();
const error = z.strictObject({ code: z.string(), message: z.string() });

const messageStates = [
  'pending',
  'processing',
  'retrying',
  'completed',
  'rejected',
  'dead-lettered',
  'discarded',
  'superseded',
  'unreadable',
] as const;

const consumerState = z.strictObject({
  queue: z.string(),
  /**
   * The state of the message. `pending`: the message waits for its consumer. `processing`: a `perform` function is
   * running for the message. `superseded`: an edited message replaces the message. `unreadable`: the state is unknown,
   * because the inbox marker of the message cannot be read.
   */
  state: z.enum(messageStates),
  /** When the message entered its current state. */
  at: at.optional(),
  /** How long after its publication the message was completed or rejected, in ms. */
  durationMs: z.int().optional(),
  /** Why the business rule rejected the message, or why it completed the message, if the rule gave a reason. */
  reason: z.string().optional(),
  error: error.optional(),
  /** Why the inbox marker of the message cannot be read. Absent if the inbox marker can be read or does not exist. */
  markerError: error.optional(),
  /** The number of the last failed attempt, which starts again at 1 after each redrive. */
  attempt: z.int().optional(),
  /** The id of the dead letter of the message. Absent if the message is neither dead-lettered nor discarded. */
  deadLetterId: z.string().optional(),
  /**
   * For each attempt that is still running or whose process crashed, the latest time at which its Lambda invocation can
   * end. Present only if the message is suspected of crashing the process, and is therefore processed alone.
   */
  isolatedRunsEndBy: z.array(at).optional(),
});

const tracedMessage = z.strictObject({
  messageId: z.string(),
  type: z.string().optional(),
  correlationId: z.string().optional(),
  traceId: z.string().optional(),
  publishedAt: at.optional(),
  /**
   * The earlier message that caused this message, through a follow-up event or an edit by an operator. Absent for the
   * first message of the timeline.
   */
  followsFrom: z.strictObject({ messageId: z.string(), queue: z.string() }).optional(),
  /**
   * The id of the dead letter that an operator edited to create this message. Present only in the first message of the
   * timeline.
   */
  editedFrom: z.string().optional(),
  /** The state of the message in each queue in which the message is known. */
  consumers: z.array(consumerState),
});

export const steps = [
  'published',
  'started',
  'failed',
  'completed',
  'rejected',
  'dead-lettered',
  'redriven',
  'discarded',
  'superseded',
] as const;

export const timelineStep = z.strictObject({
  at,
  /** The time since the first step of the timeline, in ms. */
  afterMs: z.int(),
  step: z.enum(steps),
  messageId: z.string(),
  queue: z.string().optional(),
  /**
   * How many times the message had been redriven when this step happened. If the step is a redrive, the number includes
   * this redrive.
   */
  redrives: z.int().optional(),
  /** The number of the attempt, which starts again at 1 after each redrive. */
  attempt: z.int().optional(),
  /** How long the message waited for the next attempt after this failed attempt, in seconds. */
  delaySeconds: z.number().optional(),
  error: error.optional(),
  /** The reason of this step, for example why the message was rejected, redriven, discarded or edited. */
  reason: z.string().optional(),
  /** The operator who redrove, discarded or edited the dead letter. */
  by: z.string().optional(),
  deadLetterId: z.string().optional(),
  /** How many items of each table the consumer wrote together with the outcome of the message. */
  effects: z.record(z.string(), z.int()).optional(),
  /** The id of the edited message that replaces the message. */
  supersededBy: z.string().optional(),
  /** The events that the consumer published because of the message. */
  followUps: z.array(z.strictObject({ messageId: z.string(), type: z.string() })).optional(),
});

/** The schema of everything that is recorded about a message and its follow-up events. */
export const timelineSchema = z.strictObject({
  /** The requested message, followed by its follow-up events. */
  messages: z.array(tracedMessage),
  /** The recorded steps of all messages, oldest first. */
  steps: z.array(timelineStep),
  /** Whether the timeline was cut off at the limit of 20 messages, so that some follow-up events are missing. */
  isIncomplete: z.boolean(),
});

export type ConsumerState = z.infer<typeof consumerState>;
export type TracedMessage = z.infer<typeof tracedMessage>;
export type TimelineStep = z.infer<typeof timelineStep>;
export type Timeline = z.infer<typeof timelineSchema>;

export const exampleTimeline: Timeline = {
  messages: [
    {
      messageId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
      type: 'invoice.created',
      correlationId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      publishedAt: '2026-11-22T12:00:00.000Z',
      consumers: [{ queue: 'invoices', state: 'completed', at: '2026-11-22T12:00:01.240Z', durationMs: 1_240 }],
    },
  ],
  steps: [
    {
      at: '2026-11-22T12:00:00.000Z',
      afterMs: 0,
      step: 'published',
      messageId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
    },
    {
      at: '2026-11-22T12:00:00.180Z',
      afterMs: 180,
      step: 'failed',
      messageId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
      queue: 'invoices',
      redrives: 0,
      attempt: 1,
      delaySeconds: 1,
      error: { code: 'UNKNOWN_ERROR', message: 'connection refused' },
    },
    {
      at: '2026-11-22T12:00:01.210Z',
      afterMs: 1_210,
      step: 'started',
      messageId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
      queue: 'invoices',
    },
    {
      at: '2026-11-22T12:00:01.240Z',
      afterMs: 1_240,
      step: 'completed',
      messageId: '0b8f9a52-6f0e-5b39-9c0e-2f6d1f1f7a10',
      queue: 'invoices',
      effects: { balances: 1 },
      followUps: [{ messageId: '7d1c6c1a-3b0a-5d0e-8f57-0a8f1b1c2d3e', type: 'invoice.booked' }],
    },
  ],
  isIncomplete: false,
};
