import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { useAccess } from './access.ts';
import { ApiError, send } from './api.ts';
import { configuration } from './configuration.ts';
import { ConsoleContext, type Console } from './context.ts';
import type { ApiRequest } from './curl.ts';
import { createFormat } from './format.ts';
import { Header } from './header.tsx';
import { mayLeave } from './leave.ts';
import { readRoute, type Route } from './route.ts';
import { chooseLanguage, localeFor, texts as allTexts } from './texts.ts';
import { DeadLetterPage } from './views/dead-letter.tsx';
import { Edit } from './views/edit.tsx';
import { Failures } from './views/failures.tsx';
import { JobView } from './views/job.tsx';
import { JobList } from './views/jobs.tsx';
import { LoggedOut } from './views/logged-out.tsx';
import { Message } from './views/message.tsx';
import { Overview } from './views/overview.tsx';
import { Send } from './views/send.tsx';
import { Trace } from './views/trace.tsx';

const TICK_MS = 5_000;

export function App() {
  const [language, setLanguage] = useState(() => chooseLanguage(location.search, navigator.languages));
  const [isLost, setLost] = useState(false);
  const [nowMs, setNow] = useState(Date.now());
  const route = useRoute();
  const texts = allTexts[language];
  const { access, start, expire } = useAccess(texts);
  const session = access.state === 'logged-in' ? access.session : undefined;
  const format = useMemo(() => createFormat(localeFor(language, navigator.languages)), [language]);

  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);

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
        if (error.failure.kind === 'logged-out') expire();
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
    const onChange = ({ oldURL }: HashChangeEvent) => {
      if (mayLeave()) setRoute(readRoute(location.hash));
      else history.pushState(undefined, '', oldURL);
    };
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
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
      return id === undefined ? <Failures query={query} /> : <DeadLetterPage key={id} id={id} />;
    case 'edit':
      return id === undefined ? <Failures query={query} /> : <Edit key={id} id={id} />;
    case 'jobs':
      return id === undefined ? <JobList /> : <JobView key={id} id={id} />;
    case 'messages':
      return id === undefined ? <Failures query={query} /> : <Message key={id} id={id} />;
    case 'traces':
      return id === undefined ? <Overview /> : <Trace key={id} id={id} />;
    case 'send':
      return <Send />;
    default:
      return <Overview />;
  }
}
