import { Plain } from '../components/plain.tsx';
import { configuration } from '../configuration.ts';
import { useConsole } from '../context.ts';
import { stateClass } from '../state-class.ts';

export interface TraceSpan {
  readonly spanId: string;
  readonly name: string;
  /** The function that recorded the span. */
  readonly source: string;
  /** In microseconds since the epoch. */
  readonly startUs: number;
  readonly endUs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly hasFailed: boolean;
  readonly failure?: string;
  /** How many ancestors the span has. */
  readonly depth: number;
}

/** What the names of all functions of the service begin with. */
const PREFIX = `${configuration.service}-${configuration.stage}-`;

/** Deeper spans are not indented further, so that their names stay readable. */
const MAX_INDENT = 12;

/** Shows spans as a table: each span below its parent, with a bar that shows when the span ran. */
export function Waterfall({ spans }: { readonly spans: readonly TraceSpan[] }) {
  const { texts, format } = useConsole();
  const startUs = Math.min(...spans.map((span) => span.startUs));
  const totalUs = Math.max(...spans.map(({ endUs }) => endUs)) - startUs;
  const failed = spans.filter(({ hasFailed }) => hasFailed).length;
  return (
    <section aria-labelledby="spans-title">
      <h2 id="spans-title">
        {texts.spans} <small>{texts.spansIn(format.number(spans.length), format.duration(totalUs / 1_000))}</small>{' '}
        {failed > 0 && <span class="badge bad">{texts.didFail(format.number(failed))}</span>}
      </h2>
      <table class="spans">
        <thead>
          <tr>
            <th scope="col">{texts.span}</th>
            <th scope="col">{texts.outcome}</th>
            <th scope="col">{texts.function}</th>
            <th scope="col" class="number">
              {texts.startedAfter}
            </th>
            <th scope="col" class="number">
              {texts.duration}
            </th>
            <th scope="col" class="course">
              {texts.course}
            </th>
          </tr>
        </thead>
        <tbody>
          {spans.map((span) => (
            <SpanRow key={span.spanId} span={span} startUs={startUs} totalUs={totalUs} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface SpanRowProps {
  readonly span: TraceSpan;
  /** When the first span of the trace began. */
  readonly startUs: number;
  readonly totalUs: number;
}

function SpanRow({ span, startUs, totalUs }: SpanRowProps) {
  const { texts, format } = useConsole();
  const { name, source, depth, hasFailed, failure, attributes } = span;
  const share = (us: number) => `${(us / Math.max(totalUs, 1)) * 100}%`;
  const durationUs = span.endUs - span.startUs;
  return (
    <tr>
      <th scope="row" data-label={texts.span}>
        <div style={{ paddingInlineStart: `${Math.min(depth, MAX_INDENT)}rem` }}>
          <span class="heard">{texts.level(format.number(depth + 1))}</span> <Plain text={name} />{' '}
          {hasFailed && <span class="badge bad">{texts.spanFailed}</span>}{' '}
          {failure !== undefined && (
            <p class="reason">
              <Plain text={failure} />
            </p>
          )}
          <Attributes attributes={attributes} />
        </div>
      </th>
      <td data-label={RESULTS.some((name) => name in attributes) ? texts.outcome : undefined}>
        <Outcome attributes={attributes} />
      </td>
      <td data-label={texts.function} class="name">
        <Plain text={source.startsWith(PREFIX) ? source.slice(PREFIX.length) : source} />
      </td>
      <td data-label={texts.startedAfter} class="number">
        +{format.duration((span.startUs - startUs) / 1_000)}
      </td>
      <td data-label={texts.duration} class="number">
        {format.duration(durationUs / 1_000)}
      </td>
      <td class="course" aria-hidden="true">
        <span
          class={hasFailed ? 'bad' : undefined}
          style={{ marginInlineStart: `min(${share(span.startUs - startUs)}, 100% - 2px)`, width: share(durationUs) }}
        />
      </td>
    </tr>
  );
}

/** The attributes that contain the result of a request or of a message. */
const RESULTS = ['surehop.outcome', 'surehop.attempt', 'error.type', 'http.response.status_code'];

function Outcome({ attributes }: Pick<TraceSpan, 'attributes'>) {
  const { texts, format } = useConsole();
  const {
    'surehop.outcome': outcome,
    'surehop.attempt': attempt,
    'error.type': code,
    'http.response.status_code': status,
  } = attributes;
  return (
    <>
      {typeof outcome === 'string' && (
        <span class={`badge ${stateClass(outcome)}`}>{texts.outcomes[outcome] ?? outcome}</span>
      )}{' '}
      {typeof status === 'number' && <span class={`badge ${status < 400 ? 'good' : 'bad'}`}>{status}</span>}{' '}
      {typeof code === 'string' && code !== String(status) && <code>{code}</code>}{' '}
      {typeof attempt === 'number' && <small>{texts.attemptNumber(format.number(attempt))}</small>}
    </>
  );
}

function Attributes({ attributes }: Pick<TraceSpan, 'attributes'>) {
  const { texts, format } = useConsole();
  const all = Object.entries(attributes);
  if (all.length === 0) return null;
  return (
    <details>
      <summary>{texts.attributes(format.number(all.length))}</summary>
      <dl>
        {all.map(([name, value]) => (
          <div key={name}>
            <dt>
              <Plain text={name} />
            </dt>
            <dd>
              <Plain text={typeof value === 'string' ? value : JSON.stringify(value)} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
