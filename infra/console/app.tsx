import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { ApiError, send } from './api.ts';
import { configuration } from './configuration.ts';
import { ConsoleContext, useConsole, type Console } from './context.ts';
import type { ApiRequest } from './curl.ts';
import { createFormat } from './format.ts';
import { beginLogin, endLogin } from './login.ts';
import { Plain } from './parts/plain.tsx';
import { Loading } from './parts/states.tsx';
import { readRoute, writeRoute, type Route } from './route.ts';
import { NoLoginError, startSession, type Session } from './session.ts';
import { chooseLanguage, languages, localeFor, texts as allTexts, type Language } from './texts.ts';
import { Edit } from './views/edit.tsx';
import { Failures } from './views/failures.tsx';
import { JobList, JobView } from './views/jobs.tsx';
import { Letter } from './views/letter.tsx';
import { Message } from './views/message.tsx';
import { Overview } from './views/overview.tsx';
import { LOCAL_SCOPE, Send } from './views/send.tsx';

/** How long before its end a token is replaced, in ms. */
const RENEW_EARLY_MS = 60_000;
const TICK_MS = 5_000;

type Access =
  | { readonly state: 'starting' }
  | { readonly state: 'logged-in'; readonly session: Session }
  | { readonly state: 'logged-out'; readonly error?: string }
  | { readonly state: 'no-login' };

export function App() {
  const [language, setLanguage] = useState(() => chooseLanguage(location.search, navigator.languages));
  const [access, setAccess] = useState<Access>({ state: 'starting' });
  const [isLost, setLost] = useState(false);
  const [nowMs, setNow] = useState(Date.now());
  const route = useRoute();
  const session = access.state === 'logged-in' ? access.session : undefined;
  const texts = allTexts[language];
  const format = useMemo(() => createFormat(localeFor(language, navigator.languages)), [language]);

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
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);

  useEffect(() => {
    if (!session) return undefined;
    const renew = () => {
      if (!session.renew) return setAccess({ state: 'logged-out', error: texts.loginExpired });
      session.renew().then(
        (session) => setAccess({ state: 'logged-in', session }),
        () => setAccess({ state: 'logged-out', error: texts.loginExpired }),
      );
    };
    const early = session.renew ? RENEW_EARLY_MS : 0;
    const timer = setTimeout(renew, Math.max(session.expiresAtMs - Date.now() - early, 1_000));
    return () => clearTimeout(timer);
  }, [session]);

  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  }, [language]);

  async function request<T>(wanted: ApiRequest): Promise<T> {
    try {
      const answer = await send<T>(session?.token, wanted);
      setLost(false);
      return answer;
    } catch (error) {
      if (error instanceof ApiError) {
        setLost(error.failure.kind === 'lost');
        if (error.failure.kind === 'logged-out') setAccess({ state: 'logged-out', error: texts.loginExpired });
      }
      throw error;
    }
  }

  const console: Console = {
    texts,
    format,
    session,
    nowMs,
    request,
    has: (scope) => session?.scopes.includes(scope) ?? false,
  };
  return (
    <ConsoleContext.Provider value={console}>
      <a class="skip" href="#main" onClick={skipToMain}>
        {texts.skip}
      </a>
      <Header
        route={route}
        session={session}
        isLost={isLost}
        language={language}
        onLanguage={(chosen) => {
          setLanguage(chosen);
          history.replaceState(undefined, '', `?lang=${chosen}${location.hash}`);
        }}
      />
      {isLost && (
        <p class="banner" role="alert">
          {texts.lostBanner}
        </p>
      )}
      <main id="main" tabIndex={-1}>
        {session ? <Page route={route} /> : <LoggedOut access={access} onStart={start} />}
      </main>
    </ConsoleContext.Provider>
  );
}

function skipToMain(event: MouseEvent) {
  event.preventDefault();
  document.querySelector<HTMLElement>('#main')?.focus();
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const onChange = () => setRoute(readRoute(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
}

function find(event: SubmitEvent) {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  const id = new FormData(form).get('id');
  if (typeof id === 'string' && id.trim()) location.hash = writeRoute('messages', { id: id.trim() });
  form.reset();
}

interface HeaderProps {
  readonly route: Route;
  readonly session: Session | undefined;
  readonly isLost: boolean;
  readonly language: Language;
  readonly onLanguage: (language: Language) => void;
}

function Header({ route, session, isLost, language, onLanguage }: HeaderProps) {
  const texts = allTexts[language];
  const { service, stage, login } = configuration;
  const isLocal = session?.scopes.includes(LOCAL_SCOPE);
  const links = [
    ['overview', texts.overview, ['overview']],
    ['failures', texts.failures, ['failures', 'dead-letters', 'edit']],
    ['jobs', texts.jobs, ['jobs']],
    ...(isLocal ? ([['send', texts.send, ['send']]] as const) : []),
  ] as const;
  return (
    <header class="top">
      <p class="name">
        <strong>{service}</strong> <span class="badge">{stage}</span>
      </p>
      <nav aria-label={texts.views}>
        {links.map(([view, text, views]) => (
          <a
            key={view}
            href={writeRoute(view)}
            aria-current={(views as readonly string[]).includes(route.view) ? 'page' : undefined}
          >
            {text}
          </a>
        ))}
      </nav>
      {session && (
        <form class="find" role="search" aria-label={texts.findMessage} onSubmit={find}>
          <input name="id" aria-label={texts.findMessage} placeholder={texts.findMessage} autocomplete="off" required />
          <button type="submit" class="small">
            {texts.find}
          </button>
        </form>
      )}
      <p class="who">
        <span class={`live ${isLost ? 'bad' : 'good'}`}>
          {session ? (isLost ? texts.connectionLost : texts.live) : ''}
        </span>
        <select
          aria-label={texts.language}
          value={language}
          onChange={(event) => onLanguage(event.currentTarget.value as Language)}
        >
          {Object.entries(languages).map(([code, name]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
        {session && (
          <span class="operator">
            <Plain text={session.operator} />
          </span>
        )}
        {session && login && (
          <button type="button" class="small" onClick={() => void endLogin(login)}>
            {texts.logOut}
          </button>
        )}
      </p>
    </header>
  );
}

/** The view of a route. When the view changes, its heading gets the focus, so that screen readers announce the view. */
function Page({ route }: { readonly route: Route }) {
  const { view, id, query } = route;
  const isFirst = useRef(true);
  useEffect(() => {
    const heading = document.querySelector<HTMLElement>('main h1');
    document.title = `${heading?.textContent ?? ''} – ${configuration.service}`;
    if (!isFirst.current) {
      heading?.focus();
      scrollTo(0, 0);
    }
    isFirst.current = false;
  }, [view, id]);
  switch (view) {
    case 'failures':
      return <Failures query={query} />;
    case 'dead-letters':
      return id === undefined ? <Failures query={query} /> : <Letter key={id} id={id} />;
    case 'edit':
      return id === undefined ? <Failures query={query} /> : <Edit key={id} id={id} />;
    case 'jobs':
      return id === undefined ? <JobList /> : <JobView key={id} id={id} />;
    case 'messages':
      return id === undefined ? <Failures query={query} /> : <Message key={id} id={id} />;
    case 'send':
      return <Send />;
    default:
      return <Overview />;
  }
}

interface LoggedOutProps {
  readonly access: Access;
  readonly onStart: () => void;
}

function LoggedOut({ access, onStart }: LoggedOutProps) {
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
