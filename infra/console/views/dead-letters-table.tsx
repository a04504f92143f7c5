import { useEffect, useState } from 'preact/hooks';

import type { Action } from '../action-request.ts';
import type { DeadLetter } from '../api.ts';
import { CodeBadge } from '../components/badges.tsx';
import { ActionButton } from '../components/buttons.tsx';
import { Plain } from '../components/plain.tsx';
import { Empty, FailureNote, Loading } from '../components/states.tsx';
import { Ago } from '../components/time.tsx';
import { useConsole } from '../context.ts';
import type { Filter, Target } from '../filter.ts';
import { writeRoute } from '../route.ts';
import { useDeadLetters } from './use-dead-letters.ts';

interface DeadLettersTableProps {
  readonly filter: Filter;
  readonly status: string;
  /** How many dead letters match the filter, if the number is known. */
  readonly count: number | undefined;
  /** A text that changes when the dead letters that match the filter change. */
  readonly version: string | undefined;
  readonly onAction: (action: Action, target: Target) => void;
}

/** The list of dead letters, newest first, with the actions for a selection and for all that match the filter. */
export function DeadLettersTable({ filter, status, count, version, onAction }: DeadLettersTableProps) {
  const { texts, format } = useConsole();
  const [selected, setSelected] = useState<ReadonlyMap<string, DeadLetter>>(new Map());
  const { deadLetters, cursor, failure, newer, read } = useDeadLetters({
    filter,
    status,
    version,
    hasSelection: selected.size > 0,
  });
  useEffect(() => setSelected(new Map()), [JSON.stringify([filter, status])]);

  const isOpen = status === 'open';
  const shown = deadLetters ?? [];
  const toggle = (deadLetter: DeadLetter) => {
    const next = new Map(selected);
    if (!next.delete(deadLetter.id)) next.set(deadLetter.id, deadLetter);
    setSelected(next);
  };
  const isAllSelected = shown.length > 0 && shown.every(({ id }) => selected.has(id));
  const target: Target =
    selected.size > 0 ? { kind: 'selection', deadLetters: [...selected.values()] } : { kind: 'filter', filter };
  return (
    <section aria-labelledby="dead-letters-title">
      <header class="bar">
        <h2 id="dead-letters-title">{texts.messages}</h2>
        <button type="button" class="small" onClick={() => void read()}>
          {texts.refresh}
        </button>
      </header>
      {failure && <FailureNote failure={failure} onRetry={() => void read()} />}
      {deadLetters === undefined && !failure && <Loading />}
      {newer && (
        <p class="note" role="status">
          {newer.count === 0
            ? texts.listChanged
            : texts.newerMessages(`${newer.isMore ? '≥ ' : ''}${format.number(newer.count)}`)}{' '}
          <button type="button" class="small" onClick={() => void read()}>
            {texts.show}
          </button>
        </p>
      )}
      {deadLetters?.length === 0 && <Empty>{texts.noneMatch}</Empty>}
      {shown.length > 0 && (
        <>
          {isOpen && (
            <div class="bulk" role="group" aria-label={texts.actions}>
              <span role="status">
                {selected.size > 0
                  ? texts.selected(format.number(selected.size))
                  : texts.allThatMatch(count === undefined ? undefined : format.number(count))}
              </span>
              <ActionButton scope="dead-letters:redrive" onClick={() => onAction('redrive', target)}>
                {selected.size > 0 ? texts.redriveSelected : texts.redriveAll}
              </ActionButton>
              <ActionButton scope="dead-letters:redrive" onClick={() => onAction('discard', target)}>
                {selected.size > 0 ? texts.discardSelected : texts.discardAll}
              </ActionButton>
              {selected.size > 0 && (
                <button type="button" class="small" onClick={() => setSelected(new Map())}>
                  {texts.clearSelection}
                </button>
              )}
            </div>
          )}
          <table class="dead-letters">
            <thead>
              <tr>
                {isOpen && (
                  <th scope="col" class="check">
                    <input
                      type="checkbox"
                      aria-label={texts.selectShown}
                      checked={isAllSelected}
                      onChange={() =>
                        setSelected(
                          isAllSelected ? new Map() : new Map(shown.map((deadLetter) => [deadLetter.id, deadLetter])),
                        )
                      }
                    />
                  </th>
                )}
                <th scope="col">{texts.time}</th>
                <th scope="col">{texts.queue}</th>
                <th scope="col">{texts.reason}</th>
                <th scope="col">{texts.messageId}</th>
                <th scope="col" class="number">
                  {texts.redrives}
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((deadLetter) => (
                <tr key={deadLetter.id} class={selected.has(deadLetter.id) ? 'selected' : undefined}>
                  {isOpen && (
                    <td class="check">
                      <input
                        type="checkbox"
                        aria-label={texts.select(deadLetter.messageId ?? deadLetter.id)}
                        checked={selected.has(deadLetter.id)}
                        onChange={() => toggle(deadLetter)}
                      />
                    </td>
                  )}
                  <td data-label={texts.time}>
                    <Ago at={deadLetter.deadLetteredAt} />
                  </td>
                  <td data-label={texts.queue} class="name">
                    <Plain text={deadLetter.queue ?? texts.unknownQueue} />
                  </td>
                  <td data-label={texts.reason} class="wide">
                    <CodeBadge code={deadLetter.code} />{' '}
                    <a href={writeRoute('dead-letters', { id: deadLetter.id })}>
                      <Plain
                        text={
                          deadLetter.reason.length > 200 ? `${deadLetter.reason.slice(0, 200)}…` : deadLetter.reason
                        }
                      />
                    </a>
                  </td>
                  <td data-label={texts.messageId}>
                    <code>
                      <Plain text={deadLetter.messageId ?? '–'} />
                    </code>
                  </td>
                  <td data-label={texts.redrives} class="number">
                    {format.number(deadLetter.redrives + deadLetter.timesRedriven)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      {cursor !== undefined && (
        <p class="more">
          <button type="button" onClick={() => void read(cursor)}>
            {texts.more}
          </button>
        </p>
      )}
    </section>
  );
}
