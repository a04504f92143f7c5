import type { Timeline } from './timeline.ts';

type Step = Timeline['steps'][number];
type MessageState = Timeline['messages'][number]['consumers'][number];

/** How a redriven copy of a message ended, or its state if the copy has not ended yet. */
export type RedriveOutcome =
  /** The copy failed. `failure` contains the id of its new dead letter, if the new dead letter is archived already. */
  | { readonly kind: 'failed'; readonly failure: Step; readonly now: MessageState | undefined }
  | { readonly kind: 'ended'; readonly now: MessageState }
  | { readonly kind: 'waiting'; readonly now: MessageState | undefined };

/**
 * Finds out how a copy of a dead letter's message ended. `redrive` is the number of the redrive that published the copy.
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
