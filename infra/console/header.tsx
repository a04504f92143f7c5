import { Plain } from './components/plain.tsx';
import { configuration } from './configuration.ts';
import { useConsole } from './context.ts';
import { endLogin } from './login.ts';
import { writeRoute, type Route } from './route.ts';
import { LOCAL_SCOPE } from './session.ts';
import { languages, type Language } from './texts.ts';

function find(event: SubmitEvent) {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  const id = new FormData(form).get('id');
  if (typeof id === 'string' && id.trim()) location.hash = writeRoute('messages', { id: id.trim() });
  form.reset();
}

interface HeaderProps {
  readonly route: Route;
  readonly isLost: boolean;
  readonly language: Language;
  readonly onLanguage: (language: Language) => void;
}

/** The name of the service, the links to the views, the search for a message, and the operator. */
export function Header({ route, isLost, language, onLanguage }: HeaderProps) {
  const { texts, session } = useConsole();
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
