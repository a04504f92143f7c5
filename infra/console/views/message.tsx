import { useEffect, useState } from 'preact/hooks';

import { CopyButton } from '../components/buttons.tsx';
import { Curl } from '../components/curl.tsx';
import { Plain } from '../components/plain.tsx';
import { Empty, View } from '../components/states.tsx';
import { configuration } from '../configuration.ts';
import { useConsole, useGet, type Loaded } from '../context.ts';
import { writeRoute } from '../route.ts';
import { stateClass } from '../state-class.ts';
import type { Timeline } from '../timeline.ts';
import { MessagesTable } from './messages-table.tsx';
import { Steps } from './steps.tsx';

const EVERY_MS = 3_000;

/** What happened to a message and its follow-up events, from its publication to the last outcome. */
export function Message({ id }: { readonly id: string }) {
  const { texts } = useConsole();
  const { path, loaded } = useTimeline(id);
  const isUnknown = loaded.value === undefined && isNotFound(loaded);
  return (
    <>
      <h1 tabIndex={-1}>{texts.timeline}</h1>
      <p>
        <code>
          <Plain text={id} />
        </code>{' '}
        <CopyButton text={id} label={`${texts.copy}: ${texts.messageId}`} />
      </p>
      {isUnknown ? (
        <Empty>{texts.nothingRecorded}</Empty>
      ) : (
        <View loaded={loaded}>
          {(timeline) => (
            <>
              <Summary timeline={timeline} />
              <EditedFrom id={timeline.messages[0]?.editedFrom} />
              {timeline.isIncomplete && <p class="note warn">{texts.timelineIncomplete}</p>}
              <MessagesTable messages={timeline.messages} />
              <Steps timeline={timeline} />
            </>
          )}
        </View>
      )}
      <Curl request={{ method: 'GET', path }} />
    </>
  );
}

const isNotFound = ({ failure }: Loaded<unknown>) => failure?.kind === 'problem' && failure.status === 404;

/**
 * Reads the timeline of a message. If the service has a timeline of its own for the messages with this id, for example for an
 * order, reads that one.
 */
function useTimeline(id: string): { readonly path: string; readonly loaded: Loaded<Timeline> } {
  const own = configuration.timeline?.replace('{id}', encodeURIComponent(id));
  const [isOther, setOther] = useState(own === undefined);
  const ofService = useGet<Timeline>(isOther ? undefined : own, EVERY_MS);
  useEffect(() => {
    if (isNotFound(ofService)) setOther(true);
  }, [ofService.failure]);
  const path = `/messages/${encodeURIComponent(id)}`;
  const ofMessage = useGet<Timeline>(isOther ? path : undefined, EVERY_MS);
  return isOther || own === undefined ? { path, loaded: ofMessage } : { path: own, loaded: ofService };
}

function Summary({ timeline: { status, durationMs, endedAt, steps } }: { readonly timeline: Timeline }) {
  const { texts, format } = useConsole();
  const first = steps[0];
  const last = steps.at(-1);
  if (!first || !last) return null;
  return (
    <p class="large">
      {status !== undefined && <span class={`badge ${stateClass(status)}`}>{texts.states[status] ?? status}</span>}{' '}
      {endedAt === undefined || durationMs === undefined
        ? texts.soFar(format.duration(last.afterMs))
        : texts.ended(format.duration(durationMs))}
    </p>
  );
}

function EditedFrom({ id }: { readonly id: string | undefined }) {
  const { texts } = useConsole();
  if (id === undefined) return null;
  return (
    <p>
      {texts.editedFrom} <a href={writeRoute('dead-letters', { id })}>{texts.showMessage}</a>
    </p>
  );
}
