import { useEffect, useId, useState } from 'preact/hooks';

import { withQuery, type DeadLetterGroup, type DeadLetterGroups } from '../api.ts';
import { useConsole, useGet } from '../context.ts';
import { FILTER_FIELDS, readFilter, type Filter, type Target } from '../filter.ts';
import { fromLocalInput, toLocalInput } from '../format.ts';
import { ActionButton } from '../parts/buttons.tsx';
import { Plain } from '../parts/plain.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { Empty, View } from '../parts/states.tsx';
import { Ago } from '../parts/time.tsx';
import { writeRoute } from '../route.ts';
import { ActionDialog, type Action } from './action-dialog.tsx';
import { LetterList } from './letter-list.tsx';

const GROUPS_EVERY_MS = 10_000;

const STATUSES = ['open', 'redriven', 'discarded', 'superseded'] as const;

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
                  <small>{texts.lettersInGroups(format.number(count ?? 0), format.number(groups.length))}</small>
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
                                target: { kind: 'filter', filter: { ...filter, group: group.group } },
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
      {count !== 0 && groups.failure?.kind !== 'denied' && (
        <LetterList
          filter={filter}
          status={status}
          count={groups.value?.isIncomplete ? undefined : count}
          onAction={(action, target) => setAction({ action, target })}
        />
      )}
      {action && <ActionDialog {...action} onClose={() => setAction(undefined)} onDone={groups.reload} />}
    </>
  );
}

interface GroupRowProps {
  readonly group: DeadLetterGroup;
  readonly span: { readonly from: string; readonly to: string };
  readonly query: Readonly<Record<string, string>>;
  readonly onAction: ((action: Action) => void) | undefined;
}

function GroupRow({ group, span, query, onAction }: GroupRowProps) {
  const { texts, format } = useConsole();
  const { queue, code, cause, reason, count, redrivenBefore, firstAt, lastAt, history } = group;
  const name = `${queue ?? texts.unknownQueue}, ${code}, ${cause}`;
  return (
    <tr>
      <th scope="row" data-label={texts.cause}>
        <span class="badge">
          <Plain text={queue ?? texts.unknownQueue} />
        </span>{' '}
        <span class="badge bad">
          <Plain text={code} />
        </span>{' '}
        <a href={writeRoute('failures', { query })}>
          <Plain text={cause} />
        </a>
        {reason !== cause && (
          <p class="reason">
            <Plain text={reason.length > 300 ? `${reason.slice(0, 300)}…` : reason} />
          </p>
        )}
      </th>
      <td data-label={texts.count} class="number large">
        {format.number(count)}
      </td>
      <td data-label={texts.last}>
        <Ago at={lastAt} />
      </td>
      <td data-label={texts.first}>
        <Ago at={firstAt} />
      </td>
      <td data-label={texts.history}>
        <Sparkline values={history} from={span.from} to={span.to} />
      </td>
      <td data-label={texts.redrivenBefore} class="number">
        {format.percent(redrivenBefore / count)}
      </td>
      {onAction && (
        <td class="buttons">
          <ActionButton
            scope="dead-letters:redrive"
            label={`${texts.redriveDots} ${name}`}
            onClick={() => onAction('redrive')}
          >
            {texts.redriveDots}
          </ActionButton>
          <ActionButton
            scope="dead-letters:redrive"
            label={`${texts.discardDots} ${name}`}
            onClick={() => onAction('discard')}
          >
            {texts.discardDots}
          </ActionButton>
        </td>
      )}
    </tr>
  );
}

interface FilterFormProps {
  readonly filter: Filter;
  readonly status: string;
  readonly groups: readonly DeadLetterGroup[];
}

/** The fields of the filter. Submitting the form changes the page's address. */
function FilterForm({ filter, status, groups }: FilterFormProps) {
  const { texts } = useConsole();
  const id = useId();
  // Suggestions stay while a filter hides the other groups.
  const [known, setKnown] = useState<{ queues: string[]; codes: string[] }>({ queues: [], codes: [] });
  useEffect(() => {
    setKnown(({ queues, codes }) => ({
      queues: [...new Set([...queues, ...groups.flatMap(({ queue }) => queue ?? [])])].toSorted(),
      codes: [...new Set([...codes, ...groups.map(({ code }) => code)])].toSorted(),
    }));
  }, [groups]);

  function apply(event: SubmitEvent) {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => {
      const value = values.get(name);
      return typeof value === 'string' ? value.trim() : '';
    };
    const chosen = text('status');
    location.hash = writeRoute('failures', {
      query: {
        ...Object.fromEntries(FILTER_FIELDS.map((name) => [name, text(name)])),
        from: fromLocalInput(text('from')),
        to: fromLocalInput(text('to')),
        group: filter.group,
        status: chosen === 'open' ? undefined : chosen,
      },
    });
  }

  const isActive = Object.keys(filter).length > 0 || status !== 'open';
  return (
    <details class="filter" open={isActive || matchMedia('(min-width: 50rem)').matches}>
      <summary>{texts.filter}</summary>
      <form key={JSON.stringify([filter, status])} role="search" onSubmit={apply}>
        <label>
          {texts.queue}
          <input name="queue" list={`${id}-queues`} defaultValue={filter.queue ?? ''} autocomplete="off" />
        </label>
        <label>
          {texts.code}
          <input name="code" list={`${id}-codes`} defaultValue={filter.code ?? ''} autocomplete="off" />
        </label>
        <label>
          {texts.text}
          <input name="text" type="search" defaultValue={filter.text ?? ''} placeholder={texts.textHint} />
        </label>
        <label>
          {texts.client}
          <input name="client" defaultValue={filter.client ?? ''} autocomplete="off" />
        </label>
        <label>
          {texts.from}
          <input name="from" type="datetime-local" defaultValue={toLocalInput(filter.from)} />
        </label>
        <label>
          {texts.to}
          <input name="to" type="datetime-local" defaultValue={toLocalInput(filter.to)} />
        </label>
        <label>
          {texts.status}
          <select name="status">
            {STATUSES.map((one) => (
              <option key={one} value={one} selected={one === status}>
                {texts.statuses[one]}
              </option>
            ))}
          </select>
        </label>
        <div class="buttons">
          <button type="submit" class="primary">
            {texts.filter}
          </button>
          {isActive && (
            <a class="button" href={writeRoute('failures')}>
              {texts.clearFilter}
            </a>
          )}
        </div>
        <datalist id={`${id}-queues`}>
          {known.queues.map((queue) => (
            <option key={queue} value={queue} />
          ))}
        </datalist>
        <datalist id={`${id}-codes`}>
          {known.codes.map((code) => (
            <option key={code} value={code} />
          ))}
        </datalist>
      </form>
    </details>
  );
}
