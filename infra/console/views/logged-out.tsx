import { useState } from 'preact/hooks';

import type { Access } from '../access.ts';
import { Plain } from '../components/plain.tsx';
import { Loading } from '../components/states.tsx';
import { configuration } from '../configuration.ts';
import { useConsole } from '../context.ts';
import { beginLogin } from '../login.ts';

interface LoggedOutProps {
  readonly access: Access;
  readonly onStart: () => void;
}

/** What the page shows to a person who is not logged in. */
export function LoggedOut({ access, onStart }: LoggedOutProps) {
  const { texts } = useConsole();
  const [failure, setFailure] = useState<string>();
  const { login } = configuration;
  if (access.state === 'starting') return <Loading />;
  const error = failure ?? (access.state === 'logged-out' ? access.error : undefined);
  const begin = () => {
    if (login) beginLogin(login).catch((error: unknown) => setFailure((error as Error).message));
    else onStart();
  };
  return (
    <section class="login">
      <h1>{texts.logIn}</h1>
      {error !== undefined && (
        <p class="note bad" role="alert">
          <Plain text={error} />
        </p>
      )}
      {access.state === 'no-login' ? (
        <p>{texts.noLogin}</p>
      ) : (
        <>
          <p>{texts.logInText}</p>
          <button type="button" class="primary" onClick={begin}>
            {texts.logIn}
          </button>
        </>
      )}
    </section>
  );
}
