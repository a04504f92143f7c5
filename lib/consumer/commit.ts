import type { CommitResult } from '../inbox/inbox.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { describeError } from '../runtime/errors.ts';
import type { Batch } from './batch.ts';
import { toResult, type Candidate, type Result } from './message.ts';
import { deadLetter, fromError, fromFailedMarker, postponed, unfinished, type Outcome } from './outcome.ts';
import type { Decided } from './run.ts';

/** Commits the effects of each decision together with the marker of its message. */
export async function commitDecisions(ran: readonly (Decided | Result)[], batch: Batch): Promise<Result[]> {
  const { queue, inbox, commitSignal } = batch;
  const decided = ran.filter((one) => one.is === 'decided');
  if (decided.length === 0) return ran.filter((one) => one.is === 'result');
  const entries = decided.map(({ candidate: { id, delivery, hasMarker }, decision }) => {
    const { payloadHash, envelope } = delivery;
    const { redrives, attempt } = envelope;
    return { id, payloadHash, redrives, attempt, decision, hasMarker };
  });
  const committed = await inbox.commit(queue.name, entries, commitSignal);
  const outcomes = new Map(decided.map((one, index) => [one, committed[index]!]));
  return ran.map((one) =>
    one.is === 'result' ? one : toResult(one.candidate, fromCommit(outcomes.get(one)!, one.candidate, queue)),
  );
}

function fromCommit(result: CommitResult, { delivery }: Candidate, queue: WorkQueue): Outcome {
  switch (result.is) {
    case 'completed':
    case 'duplicate':
      return { is: result.is, events: result.marker.events };
    case 'rejected':
      return { is: 'rejected', reason: result.marker.reason ?? '', events: result.marker.events };
    case 'mismatch':
      return deadLetter('PAYLOAD_MISMATCH');
    case 'parked':
      return fromFailedMarker(result.marker);
    case 'failed':
      if (describeError(result.error).code === 'LEASED') return postponed('LEASED', queue, 0);
      return fromError(result.error, delivery.envelope.attempt, queue);
    case 'unfinished':
      return unfinished(result.error);
  }
}
