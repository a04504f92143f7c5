import { useEffect, useId, useState } from 'preact/hooks';

import type { DeadLetterGroup } from '../api.ts';
import { useConsole } from '../context.ts';
import { FILTER_FIELDS, STATUSES, type Filter } from '../filter.ts';
import { fromLocalInput, toLocalInput } from '../format.ts';
import { writeRoute } from '../route.ts';

interface FilterFormProps {
  readonly filter: Filter;
  readonly status: string;
  readonly groups: readonly DeadLetterGroup[];
}

/** The fields of the filter. Submitting the form changes the page's address. */
export function FilterForm({ filter, status, groups }: FilterFormProps) {
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
          <input
            name="text"
            type="search"
            defaultValue={filter.text ?? ''}
            placeholder={texts.textExample}
            aria-describedby={`${id}-text`}
          />
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
        <p id={`${id}-text`} class="hint">
          {texts.textHint}
        </p>
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
