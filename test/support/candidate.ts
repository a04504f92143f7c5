import { toCandidate, type Candidate } from '../../lib/inbox/candidate.ts';
import type { Entry } from '../../lib/inbox/inbox.ts';

/** Converts the decision of a message to DynamoDB writes. Throws an error if the decision is invalid. */
export function candidateOf(entry: Entry, queue: string): Candidate {
  const candidate = toCandidate(entry, queue);
  if ('error' in candidate) throw candidate.error;
  return candidate;
}
