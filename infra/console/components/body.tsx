import { useMemo, useState } from 'preact/hooks';

import { useConsole } from '../context.ts';
import { faultsByLine, jsonLines, type Fault } from '../json-lines.ts';
import { Plain } from './plain.tsx';

/** The page shows at most this many lines of formatted JSON, and this many characters of other text. */
const MAX_LINES = 2_000;
const MAX_CHARACTERS = 50_000;
/** Longer JSON is shown as text, because formatting it would make the page slow. */
const MAX_JSON_CHARACTERS = 300_000;

interface BodyProps {
  /** The body as text. Absent if the body is too large or not text. */
  readonly text: string | undefined;
  readonly base64: string;
  readonly bytes: number;
  readonly faults: readonly Fault[];
  readonly fileName: string;
}

/** Shows the body of a message with the faults beside the fields, and offers the bytes of the body for download. */
export function Body({ text, base64, bytes, faults, fileName }: BodyProps) {
  const { texts, format } = useConsole();
  const [isRaw, setRaw] = useState(false);
  const shown = useMemo(() => text ?? textIn(base64), [text, base64]);
  const json = useMemo(
    () => (shown === undefined || shown.length > MAX_JSON_CHARACTERS ? undefined : jsonLines(shown, MAX_LINES)),
    [shown],
  );
  return (
    <section aria-labelledby="body-title">
      <header class="bar">
        <h2 id="body-title">
          {texts.body} <small>{format.bytes(bytes)}</small>
        </h2>
        {json && (
          <button type="button" class="small" aria-pressed={isRaw} onClick={() => setRaw(!isRaw)}>
            {texts.rawText}
          </button>
        )}
        <button type="button" class="small" onClick={() => saveBytes(base64, fileName)}>
          {texts.downloadBytes}
        </button>
      </header>
      {json && !isRaw ? (
        <Json {...json} faults={faults} />
      ) : (
        <>
          <Faults faults={faults} />
          <RawText text={shown} bytes={bytes} />
        </>
      )}
    </section>
  );
}

function Json({ lines, isCut, faults }: ReturnType<typeof jsonLines> & object & { readonly faults: readonly Fault[] }) {
  const { texts, format } = useConsole();
  const byLine = faultsByLine(lines, faults);
  return (
    <>
      <ol class="json" tabIndex={0} aria-label={texts.body}>
        {lines.map(({ depth, text }, index) => {
          const own = byLine.get(index);
          return (
            <li key={index} class={own && 'fault'} style={{ paddingInlineStart: `${Math.min(depth, 30) * 1.25}rem` }}>
              <code>
                <Plain text={text} />
              </code>
              {own?.map(({ pointer, detail }) => (
                <strong key={pointer + detail} class="fault">
                  <span aria-hidden="true">◀ </span>
                  {pointer !== lines[index]?.pointer && (
                    <>
                      <code>
                        <Plain text={pointer} />
                      </code>
                      :{' '}
                    </>
                  )}
                  <Plain text={detail} />
                </strong>
              ))}
            </li>
          );
        })}
      </ol>
      {isCut && <p class="note">{texts.bodyCutLines(format.number(lines.length))}</p>}
    </>
  );
}

function Faults({ faults }: { readonly faults: readonly Fault[] }) {
  if (faults.length === 0) return null;
  return (
    <ul class="faults">
      {faults.map(({ pointer, detail }) => (
        <li key={pointer + detail}>
          <code>
            <Plain text={pointer} />
          </code>{' '}
          <Plain text={detail} />
        </li>
      ))}
    </ul>
  );
}

function RawText({ text, bytes }: { readonly text: string | undefined; readonly bytes: number }) {
  const { texts, format } = useConsole();
  if (bytes === 0) return <p class="state empty">{texts.bodyEmpty}</p>;
  if (text === undefined) return <p class="state empty">{texts.bodyNotText}</p>;
  return (
    <>
      <pre tabIndex={0} aria-label={texts.body}>
        <Plain text={text.slice(0, MAX_CHARACTERS)} />
      </pre>
      {text.length > MAX_CHARACTERS && (
        <p class="note">{texts.bodyCut(format.number(MAX_CHARACTERS), format.number(text.length))}</p>
      )}
    </>
  );
}

const bytesIn = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** Returns the text of the bytes, or `undefined` if they are not UTF-8. */
function textIn(base64: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesIn(base64));
  } catch {
    return undefined;
  }
}

function saveBytes(base64: string, fileName: string): void {
  const address = URL.createObjectURL(new Blob([bytesIn(base64)], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
