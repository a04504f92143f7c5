import { useState } from 'preact/hooks';

import type { Action } from '../action-request.ts';
import type { DeadLetterDetails } from '../api.ts';
import { Body } from '../components/body.tsx';
import { Curl } from '../components/curl.tsx';
import { View } from '../components/states.tsx';
import { Values } from '../components/values.tsx';
import { useConsole, useGet, type Loaded } from '../context.ts';
import { faultsOf, type Fault } from '../json-lines.ts';
import type { Timeline } from '../timeline.ts';
import { ActionDialog } from './action-dialog.tsx';
import { DeadLetterFacts } from './dead-letter-facts.tsx';
import { Attempts, History } from './dead-letter-history.tsx';
import { DeadLetterSummary } from './dead-letter-summary.tsx';

const EVERY_MS = 10_000;
const TIMELINE_EVERY_MS = 3_000;

/** One dead letter: why the message failed, the message itself, and what operators did with it. */
export function DeadLetterPage({ id }: { readonly id: string }) {
  const { texts } = useConsole();
  const path = `/dead-letters/${encodeURIComponent(id)}`;
  const loaded = useGet<DeadLetterDetails>(path, EVERY_MS);
  const timeline = useRedrives(loaded.value);
  const [action, setAction] = useState<Action>();
  return (
    <>
      <h1 tabIndex={-1}>{texts.deadLetter}</h1>
      <View loaded={loaded}>
        {(deadLetter) => (
          <>
            <DeadLetterSummary deadLetter={deadLetter} timeline={timeline} onAction={setAction} />
            <DeadLetterFacts deadLetter={deadLetter} />
            <Attempts attempts={deadLetter.attempts} />
            <Body
              text={deadLetter.body.text}
              base64={deadLetter.body.base64}
              bytes={deadLetter.bodyBytes}
              faults={faultsIn(deadLetter)}
              fileName={`${deadLetter.id}.bin`}
            />
            <Values title={texts.headers} values={deadLetter.headers as Readonly<Record<string, unknown>>} />
            <Values title={texts.properties} values={deadLetter.properties} />
            <History deadLetter={deadLetter} timeline={timeline} />
            <Curl request={{ method: 'GET', path }} />
            {action && (
              <ActionDialog
                action={action}
                target={{ kind: 'one', deadLetter }}
                onClose={() => setAction(undefined)}
                onDone={loaded.reload}
              />
            )}
          </>
        )}
      </View>
    </>
  );
}

/**
 * Reads the timeline of a message that was redriven. Reads the timeline again and again if an operator redrove this dead
 * letter, because the redriven copy may still be in its queue.
 */
function useRedrives(deadLetter: DeadLetterDetails | undefined): Loaded<Timeline> {
  const { messageId, redrives = 0, timesRedriven = 0 } = deadLetter ?? {};
  const isWanted = messageId !== undefined && redrives + timesRedriven > 0;
  return useGet<Timeline>(
    isWanted ? `/messages/${encodeURIComponent(messageId)}` : undefined,
    timesRedriven > 0 ? TIMELINE_EVERY_MS : undefined,
  );
}

/** Returns the faults that the service finds in the body, or otherwise those in the reason of the dead letter. */
function faultsIn({ faults, code, reason }: DeadLetterDetails): Fault[] {
  if (faults.length > 0) return faults.map(({ path, message }) => ({ pointer: path, detail: message }));
  return code === 'SCHEMA_MISMATCH' ? faultsOf(reason) : [];
}
