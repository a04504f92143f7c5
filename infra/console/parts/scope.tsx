import type { DeadLetterGroup } from '../api.ts';
import { useConsole } from '../context.ts';
import type { Filter } from '../filter.ts';
import { CodeBadge, QueueBadge } from './badges.tsx';
import { Plain } from './plain.tsx';

interface ScopeProps {
  readonly filter: Filter;
  /** The group that the filter names, if the group is known. */
  readonly group: Pick<DeadLetterGroup, 'queue' | 'code' | 'cause'> | undefined;
}

/** Names the dead letters that match a filter: the queue, code and cause of their group, and the other values of the filter. */
export function Scope({ filter, group }: ScopeProps) {
  const { texts } = useConsole();
  const parts = Object.entries(filter).filter(([name]) => name !== 'group' || !group);
  return (
    <>
      {group && (
        <>
          <QueueBadge queue={group.queue} /> <CodeBadge code={group.code} /> <Plain text={group.cause} />{' '}
        </>
      )}
      {parts.length > 0 && <Plain text={parts.map(([name, value]) => `${name}=${value}`).join(', ')} />}
      {!group && parts.length === 0 && texts.everything}
    </>
  );
}
