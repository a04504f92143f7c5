import { Problem } from '../http/problem.ts';
import type { DeadLetter } from '../archive/dead-letter.ts';
import { queueOfShard } from '../rabbitmq/topology/shards.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';

export type RedriveRefusal =
  'already-discarded' | 'already-redriven' | 'already-superseded' | 'unwritable' | 'too-old' | 'no-origin';

const details: Record<RedriveRefusal, string> = {
  'already-discarded': 'A discarded dead letter cannot be redriven.',
  'already-redriven': 'A copy of this message was already published; send {"force": true} to publish another.',
  'already-superseded': 'An edited message replaces this dead letter.',
  unwritable: 'Parts of the message cannot be encoded; send {"force": true} to redrive the message without them.',
  'too-old':
    'The inbox may have forgotten that this message was processed, and process it again; send {"force": true} to redrive it anyway.',
  'no-origin': 'The dead letter does not name the queue it came from.',
};

/**
 * The settings that decide whether a redrive is refused. `force` permits a redrive that is possible but risky, for
 * example of a message that may be too old.
 */
export interface RedriveRules {
  readonly force: boolean;
  readonly rememberedSinceMs: number;
  /** The work queues of the service. A message in any other queue would never be processed. */
  readonly queues: readonly Pick<WorkQueue, 'name'>[];
}

/** Returns why a dead letter must not be redriven, or `undefined` if it may be redriven. */
export function redriveRefusal(
  { status, queue, unwritable, publishedAt, deadLetteredAt }: DeadLetter,
  { force, rememberedSinceMs, queues }: RedriveRules,
): RedriveRefusal | undefined {
  if (status === 'discarded') return 'already-discarded';
  if (status === 'superseded') return 'already-superseded';
  if (queue === undefined || !queueOfShard(queues, queue)) return 'no-origin';
  if (force) return undefined;
  if (status === 'redriven') return 'already-redriven';
  if (unwritable !== undefined) return 'unwritable';
  // The inbox marker of an older message may have expired, so the message could be processed a second time.
  return Date.parse(publishedAt ?? deadLetteredAt) < rememberedSinceMs ? 'too-old' : undefined;
}

const notAWorkQueue = (queue: string) =>
  `The dead letter came from the queue "${queue}", which is not a work queue of this service: it may be a delay queue, a retired queue or a queue that does not exist, and no consumer would process the message.`;

export const refusalProblem = (
  refusal: RedriveRefusal,
  { unwritable, supersededBy, queue }: Pick<DeadLetter, 'unwritable' | 'supersededBy' | 'queue'>,
): Problem =>
  new Problem(refusal, refusal === 'no-origin' && queue !== undefined ? notAWorkQueue(queue) : details[refusal], {
    members: {
      ...(refusal === 'unwritable' && { unwritable }),
      ...(refusal === 'already-superseded' && { supersededBy }),
    },
  });

/** Whether an error says that another request has redriven or edited the dead letter in the meantime. */
export const isOvertaken = (error: Error): error is Problem & { problem: 'already-redriven' | 'already-superseded' } =>
  error instanceof Problem && (error.problem === 'already-redriven' || error.problem === 'already-superseded');
