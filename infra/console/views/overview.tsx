import type { Status } from '../api.ts';
import { Chart } from '../components/chart.tsx';
import { Curl } from '../components/curl.tsx';
import { View } from '../components/states.tsx';
import { Ago } from '../components/time.tsx';
import { useConsole, useGet } from '../context.ts';
import { writeRoute } from '../route.ts';
import { AlarmList } from './alarm-list.tsx';

const STATUS_EVERY_MS = 5_000;
const READY_EVERY_MS = 10_000;

/** The state of the service: its broker and database, its alarms, its queues, and its dead letters. */
export function Overview() {
  const { texts, has } = useConsole();
  const isAllowed = has('status:read');
  const status = useGet<Status>(isAllowed ? '/status' : undefined, STATUS_EVERY_MS);
  return (
    <>
      <h1 tabIndex={-1}>{texts.overview}</h1>
      <Dependencies open={status.value?.deadLetters} />
      {isAllowed ? (
        <>
          <AlarmList />
          <View loaded={status}>
            {(status) => (
              <>
                <Queues status={status} />
                <DelayQueues status={status} />
                <LastHour status={status} />
              </>
            )}
          </View>
        </>
      ) : (
        <p class="note warn">{texts.denied('status:read')}</p>
      )}
      <Curl request={{ method: 'GET', path: '/status' }} />
    </>
  );
}

function Dependencies({ open }: { readonly open: Status['deadLetters'] | undefined }) {
  const { texts, format } = useConsole();
  const { value, failure } = useGet<unknown>('/readyz', READY_EVERY_MS);
  const away = failure?.kind === 'problem' ? failure.away : [];
  const stateOf = (dependency: string) => {
    if (away.includes(dependency)) return 'bad';
    return away.length > 0 || (value !== undefined && !failure) ? 'good' : 'unknown';
  };
  return (
    <ul class="tiles">
      {(['broker', 'store'] as const).map((dependency) => (
        <li key={dependency} class={stateOf(dependency)}>
          <span>{texts.dependencies[dependency]}</span>
          <strong>{texts.dependencyStates[stateOf(dependency)]}</strong>
        </li>
      ))}
      {open && (
        <>
          <li class={open.open ? 'bad' : 'good'}>
            <span>{texts.openFailures}</span>
            <strong>
              <a href={writeRoute('failures')}>
                {open.open === null ? '–' : `${open.openIsAtLeast ? '≥ ' : ''}${format.number(open.open)}`}
              </a>
            </strong>
          </li>
          <li class={open.ready ? 'warn' : 'good'}>
            <span>{texts.waitingForArchive}</span>
            <strong>{open.ready === null ? '–' : format.number(open.ready)}</strong>
          </li>
        </>
      )}
    </ul>
  );
}

function Queues({ status: { queues, delayQueues } }: { readonly status: Status }) {
  const { texts, format } = useConsole();
  const figure = (value: number | null) => (value === null ? '–' : format.number(value));
  return (
    <section aria-labelledby="queues-title">
      <h2 id="queues-title">{texts.queues}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.queue}</th>
            <th scope="col" class="number">
              {texts.ready}
            </th>
            <th scope="col" class="number">
              {texts.inWork}
            </th>
            <th scope="col" class="number">
              {texts.retrying}
            </th>
            <th scope="col" class="number">
              {texts.failures}
            </th>
            <th scope="col" class="number">
              {texts.consumers}
            </th>
            <th scope="col">{texts.oldestMessage}</th>
          </tr>
        </thead>
        <tbody>
          {queues.map(
            ({ name, ready, delayed, unacknowledged, retrying, deadLettered, consumers, oldestMessage, ...queue }) => {
              const waiting = delayQueues.filter((one) => queue.delayQueues.includes(one.name) && one.waiting);
              return (
                <tr key={name}>
                  <th scope="row" data-label={texts.queue}>
                    {name}
                  </th>
                  <td data-label={texts.ready} class="number">
                    {figure(ready)}
                    {delayed ? <small> {texts.delayed(format.number(delayed))}</small> : null}
                  </td>
                  <td data-label={texts.inWork} class="number">
                    {figure(unacknowledged)}
                  </td>
                  <td data-label={texts.retrying} class="number">
                    {retrying === null && waiting.length === 0 ? '–' : retrying === null ? '' : format.number(retrying)}
                    {waiting.map((one) => (
                      <small key={one.name} class="delay">
                        {' '}
                        {format.duration(one.delayMs)}: {figure(one.waiting)}
                      </small>
                    ))}
                  </td>
                  <td data-label={texts.failures} class={`number ${deadLettered ? 'bad' : ''}`}>
                    <a href={writeRoute('failures', { query: { queue: name } })}>{figure(deadLettered)}</a>
                  </td>
                  <td data-label={texts.consumers} class={`number ${consumers === 0 ? 'bad' : ''}`}>
                    {figure(consumers)}
                  </td>
                  <td data-label={texts.oldestMessage}>
                    {oldestMessage ? <Ago at={oldestMessage.publishedAt} /> : '–'}
                  </td>
                </tr>
              );
            },
          )}
        </tbody>
      </table>
    </section>
  );
}

function DelayQueues({ status: { delayQueues } }: { readonly status: Status }) {
  const { texts, format } = useConsole();
  if (delayQueues.length === 0) return null;
  return (
    <section aria-labelledby="delays-title">
      <h2 id="delays-title">{texts.delayQueues}</h2>
      <ul class="tiles small">
        {delayQueues.map(({ name, delayMs, waiting }) => (
          <li key={name} class={waiting ? 'warn' : 'good'}>
            <span>{format.duration(delayMs)}</span>
            <strong>{waiting === null ? '–' : format.number(waiting)}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The rates, the waiting messages and the dead letters of each queue over the last hour. */
function LastHour({ status: { minutes, queues } }: { readonly status: Status }) {
  const { texts } = useConsole();
  const isEmpty = queues.every(({ history }) => history.ready.every((value) => value === null));
  return (
    <section aria-labelledby="hour-title">
      <h2 id="hour-title">{texts.lastHour}</h2>
      {isEmpty ? (
        <p class="state empty">{texts.noSamples}</p>
      ) : (
        queues.map(({ name, history }) => (
          <div key={name} class="card hour">
            <h3>{name}</h3>
            <Chart
              title={texts.rates}
              minutes={minutes}
              series={[
                { name: texts.in, color: '--accent', values: history.in },
                { name: texts.out, color: '--good', values: history.out },
              ]}
            />
            <Chart
              title={texts.waitingAndFailed}
              minutes={minutes}
              series={[
                { name: texts.ready, color: '--warn', values: history.ready },
                { name: texts.failures, color: '--bad', values: history.deadLettered },
              ]}
            />
          </div>
        ))
      )}
    </section>
  );
}
