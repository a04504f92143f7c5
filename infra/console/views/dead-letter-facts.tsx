import type { DeadLetterDetails } from '../api.ts';
import { CopyButton } from '../components/buttons.tsx';
import { Plain } from '../components/plain.tsx';
import { Time } from '../components/time.tsx';
import { TraceId } from '../components/trace-id.tsx';
import { useConsole } from '../context.ts';

/** The ids and times of a dead letter. */
export function DeadLetterFacts({ deadLetter }: { readonly deadLetter: DeadLetterDetails }) {
  const { texts, format } = useConsole();
  const { messageId, correlationId, traceparent } = deadLetter;
  const traceId = traceparent?.split('-')[1];
  return (
    <section aria-label={texts.facts}>
      <dl class="facts">
        <Fact name={texts.messageId} text={messageId} canCopy />
        <Fact name={texts.type} text={deadLetter.type} />
        <Fact name={texts.client} text={deadLetter.client} />
        <Fact name={texts.correlationId} text={correlationId} canCopy />
        {traceId && (
          <div>
            <dt>{texts.traceId}</dt>
            <dd>
              <TraceId id={traceId} />
            </dd>
          </div>
        )}
        <Fact name={texts.shard} text={deadLetter.shard} />
        <Fact name={texts.attempt} text={format.number(deadLetter.attempt)} />
        <Fact name={texts.redrives} text={format.number(deadLetter.redrives + deadLetter.timesRedriven)} />
        {deadLetter.publishedAt && (
          <div>
            <dt>{texts.publishedAt}</dt>
            <dd>
              <Time at={deadLetter.publishedAt} />
            </dd>
          </div>
        )}
        <div>
          <dt>{texts.deadLetteredAt}</dt>
          <dd>
            <Time at={deadLetter.deadLetteredAt} />
          </dd>
        </div>
        <Fact name={texts.deadLetterId} text={deadLetter.id} canCopy />
      </dl>
    </section>
  );
}

interface FactProps {
  readonly name: string;
  readonly text: string | undefined;
  readonly canCopy?: boolean;
}

function Fact({ name, text, canCopy }: FactProps) {
  const { texts } = useConsole();
  if (text === undefined) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Plain text={text} /> {canCopy && <CopyButton text={text} label={`${texts.copy}: ${name}`} />}
      </dd>
    </div>
  );
}
