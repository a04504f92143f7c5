import { configuration } from '../configuration.ts';
import { useConsole } from '../context.ts';
import { writeRoute } from '../route.ts';
import { LOCAL_SCOPE } from '../session.ts';
import { CopyButton } from './buttons.tsx';
import { Plain } from './plain.tsx';

/**
 * The id of a trace. Under `npm start`, the id is a link to the spans of the trace. In a deployed stage, the id is a link if the
 * service has configured the address of its traces.
 */
export function TraceId({ id }: { readonly id: string }) {
  const { texts, has } = useConsole();
  const outside = configuration.trace?.replace('{id}', encodeURIComponent(id));
  const text = (
    <code>
      <Plain text={id} />
    </code>
  );
  return (
    <>
      {has(LOCAL_SCOPE) ? (
        <a href={writeRoute('traces', { id })}>{text}</a>
      ) : outside === undefined ? (
        text
      ) : (
        <a href={outside} target="_blank" rel="noreferrer">
          {text}
        </a>
      )}{' '}
      <CopyButton text={id} label={`${texts.copy}: ${texts.traceId}`} />
    </>
  );
}
