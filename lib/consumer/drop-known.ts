import type { Marker, FailedMarker } from '../inbox/inbox.ts';
import { isHandedOff } from '../inbox/marker.ts';
import type { Batch } from './batch.ts';
import type { Delivery } from './delivery.ts';
import { forgetOldest, type Memory } from './memory.ts';
import { deadLetter, parkedAs, unfinished } from './outcome.ts';
import type { Work } from './work.ts';

/** Whether any of these may have been seen before: only then is it worth a look into the store. */
const mayBeKnown = ({ delivery: { redelivered, envelope } }: Work) =>
  redelivered || envelope.attempt > 1 || envelope.redrives > 0;

/** Drops what is done or placed already; the follow-up events of what is done are published again, under the same ids. */
export async function dropKnown(works: readonly Work[], { queue, inbox, memory, isForgotten }: Batch): Promise<void> {
  for (const work of works) if (isRemembered(work, memory)) work.outcome = { is: 'duplicate' };
  const candidates = works.filter(({ outcome }) => !outcome);
  const forgotten = new Set(
    candidates.filter(({ delivery: { envelope } }) => isForgotten(envelope.redrivenAt ?? envelope.publishedAt)),
  );
  if (forgotten.size === 0 && !candidates.some(mayBeKnown)) return;
  try {
    const markers = await inbox.find(queue.name, candidates.map(idOf));
    for (const work of candidates) applyMarker(work, markers.get(idOf(work)));
    // A restored marker that is not final may be older than the outcome, so it proves nothing.
    for (const work of forgotten) work.outcome ??= deadLetter('UNREMEMBERED');
  } catch (error) {
    for (const work of candidates) work.outcome = unfinished(error);
  }
}

/** Remembers what this process has brought to an end, its follow-up events confirmed. */
export function rememberDone(works: readonly Work[], { done }: Memory): void {
  for (const { delivery, outcome } of works)
    if (delivery.id && (outcome?.is === 'completed' || outcome?.is === 'rejected'))
      done.set(delivery.id, delivery.payloadHash);
  forgetOldest(done);
}

/** Another payload under the same id is for the store to tell. */
const isRemembered = ({ delivery: { id, payloadHash }, outcome }: Work, { done }: Memory) =>
  !outcome && id !== undefined && done.get(id) === payloadHash;

const idOf = ({ delivery }: Work) => delivery.id!;

function applyMarker(work: Work, marker: Marker | undefined): void {
  if (!marker) return;
  work.hasMarker = true;
  if (marker.state === 'completed' || marker.state === 'rejected') {
    if (marker.payloadHash !== work.delivery.payloadHash) work.outcome = deadLetter('PAYLOAD_MISMATCH');
    else [work.outcome, work.events] = [{ is: 'duplicate' }, marker.events];
  } else if ('attempt' in marker && isPlaced(work.delivery, marker)) work.outcome = parkedAs(marker);
}

/** Whether a copy of this attempt, or of a later one, was published already. */
export const isPlaced = ({ envelope, payloadHash }: Delivery, marker: FailedMarker): boolean =>
  isHandedOff(marker, { ...envelope, payloadHash });
