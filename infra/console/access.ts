import { useEffect, useState } from 'preact/hooks';

import { NoLoginError, startSession, type Session } from './session.ts';
import type { Texts } from './texts.ts';

/** The console renews the operator's token this long before the token expires, in ms. */
const RENEW_EARLY_MS = 60_000;

export type Access =
  | { readonly state: 'starting' }
  | { readonly state: 'logged-in'; readonly session: Session }
  | { readonly state: 'logged-out'; readonly error?: string }
  | { readonly state: 'no-login' };

/** Starts the session of the operator when the page opens, and renews the session before its token expires. */
export function useAccess(texts: Texts) {
  const [access, setAccess] = useState<Access>({ state: 'starting' });
  const session = access.state === 'logged-in' ? access.session : undefined;
  const expire = () => setAccess({ state: 'logged-out', error: texts.loginExpired });

  const start = () => {
    setAccess({ state: 'starting' });
    startSession().then(
      (session) => setAccess(session ? { state: 'logged-in', session } : { state: 'logged-out' }),
      (error: unknown) =>
        setAccess(
          error instanceof NoLoginError
            ? { state: 'no-login' }
            : { state: 'logged-out', error: error instanceof TypeError ? texts.lost : (error as Error).message },
        ),
    );
  };
  useEffect(start, []);

  useEffect(() => {
    if (!session) return undefined;
    const renew = () => {
      if (!session.renew) return expire();
      session.renew().then((session) => setAccess({ state: 'logged-in', session }), expire);
    };
    const early = session.renew ? RENEW_EARLY_MS : 0;
    const timer = setTimeout(renew, Math.max(session.expiresAtMs - Date.now() - early, 1_000));
    return () => clearTimeout(timer);
  }, [session]);

  return { access, start, expire };
}
