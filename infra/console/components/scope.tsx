import type { DeadLetterGroup } from '../api.ts';
import { useConsole } from '../context.ts';
import { FILTER_FIELDS, type Filter } from '../filter.ts';
import { CodeBadge, QueueBadge } from './badges.tsx';
import { Plain } from './plain.tsx';

interface ScopeProps {
  readonly filter: Filter;
  /** The group that the filter names, if the group is known. */
  readonly group: Pick<DeadLetterGroup, 'queue' | 'code' | 'cause'> | undefined;
}

/** Names the dead letters that match a filter: the queue, code and cause of their group, and the other values of the filter. */
export function Scope({ filter, group }: ScopeProps) {
  const { texts, format } = useConsole();
  const labels = { ...texts, group: texts.cause };
  const isTime = (name: string, value: string) =>
    (name === 'from' || name === 'to') && !Number.isNaN(Date.parse(value));
  const parts = FILTER_FIELDS.flatMap((name) => {
    const value = filter[name];
    if (value === undefined || (name === 'group' && group)) return [];
    return [`${labels[name]}: ${isTime(name, value) ? format.time(value) : value}`];
  });
  return (
    <>
      {group && (
        <>
          <QueueBadge queue={group.queue} /> <CodeBadge code={group.code} /> <Plain text={group.cause} />{' '}
        </>
      )}
      {parts.length > 0 && <Plain text={parts.join(', ')} />}
      {!group && parts.length === 0 && texts.everything}
    </>
  );
}
