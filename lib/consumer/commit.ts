import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { CommitResult } from '../inbox/inbox.ts';
import type { Batch } from './batch.ts';
import { deadLetter, outcomeOf, parkedAs, unfinished } from './outcome.ts';
import { open, type ReadyWork, type Work } from './work.ts';

/** Commits what was decided, effects and marker together, and notes what came of it. */
export async function commitAll(works: readonly Work[], { queue, inbox, commitSignal }: Batch): Promise<void> {
  const decided = open(works).flatMap((work) => (work.decision ? [{ work, decision: work.decision }] : []));
  if (decided.length === 0) return;
  const entries = decided.map(({ work, decision }) => {
    const { payloadHash, envelope } = work.delivery;
    const { redrives, attempt } = envelope;
    return { id: work.ready.id, payloadHash, redrives, attempt, decision, hasMarker: work.hasMarker };
  });
  const results = await inbox.commit(queue.name, entries, commitSignal);
  decided.forEach(({ work }, index) => applyResult(work, results[index]!, queue));
}

function applyResult(work: ReadyWork, result: CommitResult, queue: WorkQueue): void {
  switch (result.is) {
    case 'completed':
    case 'duplicate':
      work.outcome = { is: result.is };
      work.events = result.marker.events;
      break;
    case 'rejected':
      work.outcome = { is: 'rejected', reason: result.marker.reason ?? '' };
      work.events = result.marker.events;
      break;
    case 'mismatch':
      work.outcome = deadLetter('PAYLOAD_MISMATCH');
      break;
    case 'parked':
      work.outcome = parkedAs(result.marker);
      break;
    case 'failed':
      work.outcome = outcomeOf(result.error, work.delivery.envelope.attempt, queue);
      break;
    case 'unfinished':
      work.outcome = unfinished(result.error);
  }
}
