import { useState } from 'preact/hooks';

import type { Action } from '../action-request.ts';
import { withQuery, type DeadLetterGroups, type Failure } from '../api.ts';
import { Empty, View } from '../components/states.tsx';
import { useConsole, useGet } from '../context.ts';
import { readFilter, STATUSES, type Target } from '../filter.ts';
import { writeRoute } from '../route.ts';
import { ActionDialog } from './action-dialog.tsx';
import { DeadLettersTable } from './dead-letters-table.tsx';
import { FilterForm } from './filter-form.tsx';
import { GroupRow } from './group-row.tsx';

const GROUPS_EVERY_MS = 10_000;

/** The dead letters in groups with the same queue, code and cause, and the list of the dead letters that match the filter. */
export function Failures({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const { texts, format } = useConsole();
  const filter = readFilter(query);
  const status = STATUSES.find((one) => one === query['status']) ?? 'open';
  const groups = useGet<DeadLetterGroups>(withQuery('/dead-letters/groups', { ...filter, status }), GROUPS_EVERY_MS);
  const [action, setAction] = useState<{ action: Action; target: Target }>();
  const count = groups.value?.groups.reduce((sum, group) => sum + group.count, 0);
  return (
    <>
      <h1 tabIndex={-1}>{texts.failures}</h1>
      <FilterForm filter={filter} status={status} groups={groups.value?.groups ?? []} />
      <View loaded={groups}>
        {({ groups, from, to, isIncomplete }) =>
          groups.length === 0 ? (
            <Empty>{Object.keys(filter).length > 0 || status !== 'open' ? texts.noneMatch : texts.noFailures}</Empty>
          ) : (
            <section aria-labelledby="groups-title">
              <header class="bar">
                <h2 id="groups-title">
                  {texts.groups}{' '}
                  <small>{texts.deadLettersInGroups(format.number(count ?? 0), format.number(groups.length))}</small>
                </h2>
              </header>
              {filter.group !== undefined && (
                <p>
                  <a href={writeRoute('failures', { query: { ...query, group: undefined } })}>{texts.allGroups}</a>
                </p>
              )}
              {isIncomplete && <p class="note warn">{texts.groupsIncomplete}</p>}
              <table class="groups">
                <thead>
                  <tr>
                    <th scope="col">{texts.cause}</th>
                    <th scope="col" class="number">
                      {texts.count}
                    </th>
                    <th scope="col">{texts.last}</th>
                    <th scope="col">{texts.first}</th>
                    <th scope="col">{texts.history}</th>
                    <th scope="col" class="number">
                      {texts.redrivenBefore}
                    </th>
                    {status === 'open' && <th scope="col">{texts.actions}</th>}
                  </tr>
                </thead>
                <tbody>
                  {groups.map((group) => (
                    <GroupRow
                      key={group.group}
                      group={group}
                      span={{ from, to }}
                      query={{ ...query, group: group.group }}
                      onAction={
                        status === 'open'
                          ? (action) =>
                              setAction({
                                action,
                                target: { kind: 'filter', filter: { ...filter, group: group.group }, group },
                              })
                          : undefined
                      }
                    />
                  ))}
                </tbody>
              </table>
            </section>
          )
        }
      </View>
      {count !== 0 && !isRefused(groups.failure) && (
        <DeadLettersTable
          filter={filter}
          status={status}
          count={groups.value?.isIncomplete ? undefined : count}
          version={groups.value && versionOf(groups.value)}
          onAction={(action, target) => {
            const group = groups.value?.groups.find(({ group }) => group === filter.group);
            setAction({ action, target: target.kind === 'filter' && group ? { ...target, group } : target });
          }}
        />
      )}
      {action && <ActionDialog {...action} onClose={() => setAction(undefined)} onDone={groups.reload} />}
    </>
  );
}

/** Returns a text that changes when a dead letter joins or leaves a group. */
const versionOf = ({ groups }: DeadLetterGroups): string =>
  JSON.stringify(groups.map(({ group, count, lastAt }) => [group, count, lastAt]));

/** Whether the service also refuses the list of dead letters, for the same reason. */
const isRefused = (failure: Failure | undefined): boolean =>
  failure?.kind === 'denied' || (failure?.kind === 'problem' && failure.status === 400);
