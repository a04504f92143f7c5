import { useMemo } from 'preact/hooks';

import { useConsole } from '../context.ts';
import { diffLines, withContext } from '../diff.ts';
import { formatted } from '../json-lines.ts';
import { Plain } from './plain.tsx';

const CONTEXT_LINES = 3;

/** Shows the differences between two bodies. JSON is formatted before it is compared. */
export function Diff({ before, after }: { readonly before: string; readonly after: string }) {
  const { texts, format } = useConsole();
  const parts = useMemo(() => {
    const [old, now] = [formatted(before), formatted(after)];
    const lines = old !== undefined && now !== undefined ? diffLines(old, now) : diffLines(before, after);
    return withContext(lines, CONTEXT_LINES);
  }, [before, after]);
  const isChanged = parts.some((part) => 'kind' in part && part.kind !== 'same');
  return (
    <section aria-labelledby="diff-title">
      <h2 id="diff-title">{texts.changes}</h2>
      {isChanged ? (
        <ol class="diff" tabIndex={0} aria-label={texts.changes}>
          {parts.map((part, index) =>
            'leftOut' in part ? (
              <li key={index} class="left-out">
                {texts.linesLeftOut(format.number(part.leftOut))}
              </li>
            ) : (
              <li key={index} class={part.kind}>
                <span class="sign" aria-label={part.kind === 'same' ? undefined : texts.diffKinds[part.kind]}>
                  {{ removed: '−', added: '+', same: ' ' }[part.kind]}
                </span>
                <code>
                  <Plain text={part.text.slice(0, 2_000)} />
                </code>
              </li>
            ),
          )}
        </ol>
      ) : (
        <p class="state empty">{texts.noChanges}</p>
      )}
    </section>
  );
}
