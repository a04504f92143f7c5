import { alarmTitle } from '../alarm-title.ts';
import type { Alarm, Alarms } from '../api.ts';
import { Plain } from '../components/plain.tsx';
import { FailureNote } from '../components/states.tsx';
import { Ago } from '../components/time.tsx';
import { useConsole, useGet } from '../context.ts';

const EVERY_MS = 30_000;

/** The alarms. Raised alarms are shown completely, and the others by name. */
export function AlarmList() {
  const { texts, format } = useConsole();
  const { value, failure, reload } = useGet<Alarms>('/alarms', EVERY_MS);
  // A service without the function for alarms has no such route.
  if (failure?.kind === 'problem' && failure.status === 404) return null;
  if (failure && failure.kind !== 'lost') return <FailureNote failure={failure} onRetry={reload} />;
  if (!value) return null;
  if (!value.available) return <p class="state-line">{texts.noAlarms}</p>;
  const raised = value.alarms.filter(({ state }) => state === 'alarm');
  const others = value.alarms.filter(({ state }) => state !== 'alarm');
  return (
    <section aria-labelledby="alarms-title">
      <h2 id="alarms-title">
        {texts.alarms}{' '}
        <small>{texts.alarmsRaised(format.number(raised.length), format.number(value.alarms.length))}</small>
      </h2>
      {raised.map((alarm) => (
        <RaisedAlarm key={alarm.name} alarm={alarm} />
      ))}
      {others.length > 0 && (
        <details>
          <summary>{texts.otherAlarms(format.number(others.length))}</summary>
          <ul class="alarms">
            {others.map(({ name, state, since }) => (
              <li key={name}>
                <span class={`badge ${state === 'ok' ? 'good' : ''}`}>{texts.alarmStates[state]}</span>{' '}
                {alarmTitle(name, texts.alarmTitles)} <code>{name}</code> <Ago at={since} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function RaisedAlarm({ alarm: { name, severity, since, description, reason } }: { readonly alarm: Alarm }) {
  const { texts } = useConsole();
  const title = alarmTitle(name, texts.alarmTitles);
  return (
    <div class={`note ${severity === 'critical' ? 'bad' : 'warn'}`} role="alert">
      <p>
        <strong>{title ?? name}</strong> <span class="badge">{texts.severities[severity]}</span> <Ago at={since} />{' '}
        {title !== undefined && <code>{name}</code>}
      </p>
      <p lang="en">{description}</p>
      <p lang="en">
        <small>
          <Plain text={reason} />
        </small>
      </p>
    </div>
  );
}
