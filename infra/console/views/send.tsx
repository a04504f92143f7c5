import { useState } from 'preact/hooks';

import type { Failure } from '../api.ts';
import { Curl } from '../components/curl.tsx';
import { FailureNote, View } from '../components/states.tsx';
import { failureOf, useConsole, useGet } from '../context.ts';
import type { ApiRequest } from '../curl.ts';
import { writeRoute } from '../route.ts';
import type { JsonSchema } from '../schema.ts';
import { CauseFailures, type Act, type LocalQueue } from './cause-failures.tsx';
import { SchemaFields } from './schema-fields.tsx';

const EVERY_MS = 3_000;

interface LocalEvent {
  readonly type: string;
  readonly version: number;
  readonly schema: JsonSchema;
  readonly example: unknown;
  readonly queues: readonly string[];
}

interface LocalEvents {
  readonly events: readonly LocalEvent[];
  readonly queues: readonly LocalQueue[];
}

/** What an action did. */
interface Outcome {
  readonly text: string;
  readonly messageId?: string;
}

const MAX_OUTCOMES = 20;

/** What the latest actions did, newest first. The list stays while the developer looks at other views. */
let latest: readonly Outcome[] = [];

/** Publishes events and causes failures in the service that runs on the developer's machine. */
export function Send() {
  const { texts, request } = useConsole();
  const loaded = useGet<LocalEvents>('/console/dev/events', EVERY_MS);
  const [outcomes, setOutcomes] = useState(latest);
  const [failure, setFailure] = useState<Failure>();

  async function act(wanted: ApiRequest, describe: (answer: { id?: string }) => string) {
    setFailure(undefined);
    try {
      const answer = await request<{ id?: string }>(wanted);
      latest = [{ text: describe(answer), messageId: answer.id }, ...latest].slice(0, MAX_OUTCOMES);
      setOutcomes(latest);
      loaded.reload();
    } catch (error) {
      setFailure(failureOf(error));
    }
  }

  return (
    <>
      <h1 tabIndex={-1}>{texts.send}</h1>
      {failure && <FailureNote failure={failure} />}
      <View loaded={loaded}>
        {({ events, queues }) => (
          <>
            <Outcomes outcomes={outcomes} />
            {events.length === 0 ? <p class="state empty">{texts.noEvents}</p> : <Publish events={events} act={act} />}
            <CauseFailures queues={queues} act={act} />
          </>
        )}
      </View>
    </>
  );
}

function Outcomes({ outcomes }: { readonly outcomes: readonly Outcome[] }) {
  const { texts } = useConsole();
  return (
    <ol class="outcomes" aria-label={texts.sendResults} aria-live="polite">
      {outcomes.map(({ text, messageId }, index) => (
        <li key={outcomes.length - index} class="note good">
          {text}{' '}
          {messageId !== undefined && (
            <a href={writeRoute('messages', { id: messageId })}>
              <code>{messageId}</code>
            </a>
          )}
        </li>
      ))}
    </ol>
  );
}

const nameOf = ({ type, version }: LocalEvent) => `${type} v${version}`;

function Publish({ events, act }: { readonly events: readonly LocalEvent[]; readonly act: Act }) {
  const { texts } = useConsole();
  const [name, setName] = useState(nameOf(events[0]!));
  const event = events.find((one) => nameOf(one) === name) ?? events[0]!;
  return (
    <section class="card" aria-labelledby="publish-title">
      <header class="bar">
        <h2 id="publish-title">{texts.publishEvent}</h2>
        <label class="inline">
          {texts.event}{' '}
          <select value={name} onChange={(change) => setName(change.currentTarget.value)}>
            {events.map((one) => (
              <option key={nameOf(one)} value={nameOf(one)}>
                {nameOf(one)}
              </option>
            ))}
          </select>
        </label>
      </header>
      <p>
        <small>{texts.routedTo(event.queues.join(', '))}</small>
      </p>
      <PublishForm key={name} event={event} act={act} />
    </section>
  );
}

function PublishForm({ event, act }: { readonly event: LocalEvent; readonly act: Act }) {
  const { texts } = useConsole();
  const [text, setText] = useState(JSON.stringify(event.example, undefined, 2));
  const body = parsed(text);
  const path = '/console/dev/publish';
  const wanted: ApiRequest = {
    method: 'POST',
    path,
    body: { type: event.type, version: event.version, body: body?.value },
  };
  return (
    <form
      class="publish"
      onSubmit={(submit) => {
        submit.preventDefault();
        if (body) void act(wanted, () => texts.published(event.type));
      }}
    >
      <div>
        <h3>{texts.form}</h3>
        {body ? (
          <SchemaFields
            schema={event.schema}
            value={body.value}
            onChange={(value) => setText(JSON.stringify(value, undefined, 2))}
          />
        ) : (
          <p class="note bad">{texts.notJson}</p>
        )}
      </div>
      <div>
        <label>
          <h3>{texts.body}</h3>
          <textarea
            rows={16}
            spellcheck={false}
            value={text}
            aria-invalid={!body}
            onInput={(input) => setText(input.currentTarget.value)}
          />
        </label>
        <Curl request={wanted} />
        <div class="buttons end">
          <button type="button" onClick={() => setText(JSON.stringify(event.example, undefined, 2))}>
            {texts.useExample}
          </button>
          <button type="submit" class="primary" disabled={!body}>
            {texts.publish}
          </button>
        </div>
      </div>
    </form>
  );
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}
