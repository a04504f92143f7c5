import { useEffect, useState } from 'preact/hooks';

import type { EditCheck, Failure } from '../api.ts';
import { Plain } from '../components/plain.tsx';
import { FailureNote } from '../components/states.tsx';
import { failureOf, useConsole } from '../context.ts';

export const EDIT_SCOPE = 'dead-letters:edit';

/** How long the operator must have stopped typing before the service checks the body, in ms. */
const PAUSE_MS = 400;

/** Lets the service check the body against the schema of its event whenever the operator pauses. */
export function useCheck(path: string, text: string, force: boolean): EditCheck | Failure | undefined {
  const { request, has } = useConsole();
  const [check, setCheck] = useState<EditCheck | Failure>();
  const isAllowed = has(EDIT_SCOPE);
  useEffect(() => {
    setCheck(undefined);
    if (!isAllowed) return undefined;
    let isStopped = false;
    const timer = setTimeout(() => {
      const body = { body: { text }, dryRun: true, ...(force && { force }) };
      request<EditCheck>({ method: 'POST', path, body }).then(
        (answer) => !isStopped && setCheck(answer),
        (error: unknown) => !isStopped && setCheck(failureOf(error)),
      );
    }, PAUSE_MS);
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  }, [path, text, force, isAllowed]);
  return check;
}

interface CheckNoteProps {
  readonly id: string;
  readonly check: EditCheck | Failure | undefined;
  /** The checked body. */
  readonly text: string;
}

export function CheckNote({ id, check, text }: CheckNoteProps) {
  const { texts } = useConsole();
  if (check && !('isValid' in check)) return <FailureNote failure={check} />;
  const kind = !check ? '' : check.isValid ? (check.schema ? 'good' : 'warn') : 'bad';
  return (
    <div id={id} class={`note ${kind}`} role="status">
      {!check && <p>{texts.checking}</p>}
      {check && check.isValid && <p>{check.schema ? texts.bodyValid : texts.noSchema}</p>}
      {check && !check.isValid && (
        <>
          <p>
            <strong>{texts.bodyInvalid}</strong>
          </p>
          <ul>
            {check.faults.map(({ path, message }) => (
              <li key={path + message}>
                <code>
                  <Plain text={path || '/'} />
                </code>{' '}
                <Plain text={message} />
              </li>
            ))}
          </ul>
          <SyntaxNote text={text} />
        </>
      )}
    </div>
  );
}

/** If the text is not JSON, shows what the browser says about the place of the mistake. */
function SyntaxNote({ text }: { readonly text: string }) {
  const mistake = syntaxMistake(text);
  if (mistake === undefined) return null;
  return (
    <p lang="en">
      <Plain text={mistake} />
    </p>
  );
}

function syntaxMistake(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
