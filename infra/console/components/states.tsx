import type { ComponentChildren } from 'preact';

import type { Failure } from '../api.ts';
import { useConsole, type Loaded } from '../context.ts';
import { Plain } from './plain.tsx';

export function Loading() {
  const { texts } = useConsole();
  return (
    <p class="state" role="status">
      <span class="spinner" aria-hidden="true" /> {texts.loading}
    </p>
  );
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="state empty">{children}</p>;
}

/** Explains why a request failed, and what the operator can do. */
export function FailureNote({ failure, onRetry }: { readonly failure: Failure; readonly onRetry?: () => void }) {
  const { texts } = useConsole();
  return (
    <div class="note bad" role="alert">
      <FailureText failure={failure} />
      {onRetry && failure.kind !== 'denied' && (
        <button type="button" onClick={onRetry}>
          {texts.tryAgain}
        </button>
      )}
    </div>
  );
}

function FailureText({ failure }: { readonly failure: Failure }) {
  const { texts } = useConsole();
  switch (failure.kind) {
    case 'lost':
      return <p>{texts.lost}</p>;
    case 'logged-out':
      return <p>{texts.loginExpired}</p>;
    case 'denied':
      return <p>{texts.denied(failure.scope)}</p>;
    case 'problem': {
      // The detail of these problems is addressed to the client of the API, not to the operator.
      const explanation = texts.refusals[failure.problem];
      return (
        <div>
          <p>
            <strong>
              {texts.problems[failure.problem as keyof typeof texts.problems] ?? failure.title} ({failure.status})
            </strong>
          </p>
          {explanation ? (
            <p>{explanation}</p>
          ) : (
            failure.detail && (
              <p lang="en">
                <Plain text={failure.detail} />
              </p>
            )
          )}
          {failure.errors.length > 0 && (
            <ul lang="en">
              {failure.errors.slice(0, 20).map(({ pointer, parameter, detail }, index) => (
                <li key={index}>
                  <code>
                    <Plain text={pointer ?? parameter ?? ''} />
                  </code>{' '}
                  <Plain text={detail} />
                </li>
              ))}
            </ul>
          )}
          {failure.instance && (
            <p>
              <small>
                {texts.requestId}: <code>{failure.instance}</code>
              </small>
            </p>
          )}
        </div>
      );
    }
  }
}

interface ViewProps<T> {
  readonly loaded: Loaded<T>;
  readonly children: (value: T) => ComponentChildren;
}

/** Shows a loaded value. Before the first answer, shows that the page is loading, or why it cannot load. */
export function View<T>({ loaded, children }: ViewProps<T>) {
  const { value, failure, reload } = loaded;
  return (
    <>
      {failure && failure.kind !== 'lost' && <FailureNote failure={failure} onRetry={reload} />}
      {value !== undefined ? (
        children(value)
      ) : failure ? (
        failure.kind === 'lost' && <FailureNote failure={failure} onRetry={reload} />
      ) : (
        <Loading />
      )}
    </>
  );
}
