import { Problem } from '../http/problem.ts';
import type { Clock } from '../runtime/clock.ts';
import { readDeadLetter } from './read.ts';
import { recordDiscard } from './record-action.ts';
import { refusalProblem } from './redrive-refusal.ts';
import type { ArchiveTable } from '../archive/record.ts';

/** Discards an open dead letter. Throws a `Problem` if the dead letter is not open. */
export async function discardDeadLetter(
  { table, clock }: { readonly table: ArchiveTable; readonly clock: Clock },
  id: string,
  { reason, by }: { readonly reason: string; readonly by?: string },
): Promise<void> {
  const at = new Date(clock.now()).toISOString();
  if (await recordDiscard(table, id, { action: 'discarded', at, reason, by })) return;
  const { deadLetter } = await readDeadLetter(table, id);
  if (deadLetter.status === 'redriven')
    throw new Problem(
      'already-redriven',
      'A copy of this message was published; if the copy fails, it becomes a new dead letter.',
    );
  if (deadLetter.status === 'superseded') throw refusalProblem('already-superseded', deadLetter);
  throw new Problem('already-discarded', 'The dead letter was discarded before; its first reason is kept.');
}
