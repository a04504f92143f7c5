import { CopyButton } from '../components/buttons.tsx';
import { Curl } from '../components/curl.tsx';
import { Plain } from '../components/plain.tsx';
import { Empty, View } from '../components/states.tsx';
import { useConsole, useGet } from '../context.ts';
import { Waterfall, type TraceSpan } from './waterfall.tsx';

const EVERY_MS = 5_000;

/** The spans of the requests and batches to which a trace id or message id belongs. Only `npm start` keeps spans. */
export function Trace({ id }: { readonly id: string }) {
  const { texts } = useConsole();
  const path = `/console/dev/traces/${encodeURIComponent(id)}`;
  const loaded = useGet<{ readonly spans: readonly TraceSpan[] }>(path, EVERY_MS);
  return (
    <>
      <h1 tabIndex={-1}>{texts.trace}</h1>
      <p>
        <code>
          <Plain text={id} />
        </code>{' '}
        <CopyButton text={id} label={`${texts.copy}: ${texts.traceId}`} />
      </p>
      <View loaded={loaded}>
        {({ spans }) => (spans.length === 0 ? <Empty>{texts.noSpans}</Empty> : <Waterfall spans={spans} />)}
      </View>
      <Curl request={{ method: 'GET', path }} />
    </>
  );
}
