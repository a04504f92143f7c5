import type { Job } from '../api.ts';
import { useConsole } from '../context.ts';
import { readFilter } from '../filter.ts';
import { Scope } from './scope.tsx';

/** The response of the service with its newest jobs. */
export interface Jobs {
  readonly jobs: readonly Job[];
}

export const skippedOf = ({ progress }: Job): number =>
  Object.values(progress.skipped).reduce((sum, count) => sum + count, 0);

export function JobStatus({ job: { status } }: { readonly job: Job }) {
  const { texts } = useConsole();
  return <span class={`badge ${status}`}>{texts.jobStatuses[status]}</span>;
}

/** Names the dead letters that a job selects. */
export function JobScope({ job: { order, group } }: { readonly job: Job }) {
  const { texts, format } = useConsole();
  if (order.ids) return <>{texts.selected(format.number(order.ids.length))}</>;
  return <Scope filter={readFilter(order.filter ?? {})} group={group} />;
}
