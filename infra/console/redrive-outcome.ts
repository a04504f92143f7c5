import type { Timeline } from './timeline.ts';

type Step = Timeline['steps'][number];
type MessageState = Timeline['messages'][number]['consumers'][number];

/**
 * The outcome of a redrive: the consumer has completed, rejected or dead-lettered the redriven copy of the message, or
 * has not finished it yet.
 */
export type RedriveOutcome =
  /**
   * The consumer dead-lettered the copy. `failure` contains the id of the new dead letter if the archive has stored it
   * already.
   */
  | { readonly kind: 'failed'; readonly failure: Step; readonly now: MessageState | undefined }
  | { readonly kind: 'ended'; readonly now: MessageState }
  | { readonly kind: 'waiting'; readonly now: MessageState | undefined };

/**
 * Returns the outcome of a redrive according to the timeline of the message. `redrive` is 1 for the first redrive of
 * the message, 2 for the second, and so on.
 */
export function outcomeOf(
  { messages, steps }: Timeline,
  { messageId, queue }: { readonly messageId?: string; readonly queue?: string },
  redrive: number,
): RedriveOutcome {
  const now = messages.find((one) => one.messageId === messageId)?.consumers.find((one) => one.queue === queue);
  const failures = steps.filter(
    (step) =>
      step.step === 'dead-lettered' &&
      step.messageId === messageId &&
      step.queue === queue &&
      (step.redrives ?? 0) >= redrive,
  );
  const [failure] = failures.toSorted((a, b) => (a.redrives ?? 0) - (b.redrives ?? 0));
  if (failure) return { kind: 'failed', failure, now };
  if (now?.state === 'completed' || now?.state === 'rejected') return { kind: 'ended', now };
  return { kind: 'waiting', now };
}
