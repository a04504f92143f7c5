import type { ConsoleConfiguration } from 'surehop/operations';

type Login = NonNullable<ConsoleConfiguration['login']>;

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly expiresInSeconds: number;
}

/** The fields of an OpenID provider's metadata that the login needs. */
interface Provider {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly end_session_endpoint?: string;
}

/**
 * The key under which the session storage contains the PKCE verifier of the login. The session storage contains nothing
 * else.
 */
const STORED = 'surehop-login';

/**
 * The data that the operators' console keeps in the session storage while the operator logs in at the OpenID provider.
 */
interface Pending {
  readonly state: string;
  readonly verifier: string;
}

const pageAddress = () => location.origin + location.pathname;

async function readProvider({ issuer }: Login): Promise<Provider> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  if (!response.ok)
    throw new Error(
      `the OpenID provider ${issuer} answered the request for its metadata with status ${response.status}`,
    );
  const provider = (await response.json()) as Provider;
  if (provider.issuer !== issuer)
    throw new Error(`the metadata of the OpenID provider ${issuer} names another issuer: ${provider.issuer}`);
  return provider;
}

/**
 * Redirects the browser to the OpenID provider's login page (authorization code flow with PKCE, RFC 7636). The provider
 * then redirects the browser back to the console, with the code in the query string.
 */
export async function beginLogin(login: Login): Promise<void> {
  const provider = await readProvider(login);
  const verifier = randomText();
  // The state contains the view to which the operator returns. Nobody can guess the rest of the state.
  const state = `${randomText()}.${encode(new TextEncoder().encode(location.hash))}`;
  sessionStorage.setItem(STORED, JSON.stringify({ state, verifier } satisfies Pending));
  const address = new URL(provider.authorization_endpoint);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  for (const [name, value] of Object.entries({
    response_type: 'code',
    client_id: login.clientId,
    redirect_uri: pageAddress(),
    scope: login.scopes.join(' '),
    state,
    code_challenge: encode(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  }))
    address.searchParams.set(name, value);
  location.assign(address);
}

/**
 * Exchanges the authorization code in the page's address for tokens, if the operator has just returned from the OpenID
 * provider. Removes the code from the address.
 */
export async function finishLogin(login: Login): Promise<Tokens | undefined> {
  const query = new URLSearchParams(location.search);
  const stored = sessionStorage.getItem(STORED);
  const [code, state, error] = [query.get('code'), query.get('state'), query.get('error')];
  if (state === null) return undefined;
  sessionStorage.removeItem(STORED);
  const pending = stored === null ? undefined : (JSON.parse(stored) as Pending);
  const isOurs = pending?.state === state;
  const hash = isOurs ? decode(state.slice(state.indexOf('.') + 1)) : '';
  history.replaceState(undefined, '', location.pathname + hash);
  // Browsers do not report this change of the fragment to the page.
  dispatchEvent(new HashChangeEvent('hashchange'));
  // Another site could have sent the operator here with a code of its own.
  if (!isOurs) return undefined;
  if (code === null) throw new Error(query.get('error_description') ?? error ?? 'login failed');
  return requestTokens(login, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: pageAddress(),
    code_verifier: pending.verifier,
  });
}

export const renewLogin = (login: Login, refreshToken: string): Promise<Tokens> =>
  requestTokens(login, { grant_type: 'refresh_token', refresh_token: refreshToken });

/** Ends the operator's session at the OpenID provider, if the provider supports this. */
export async function endLogin(login: Login): Promise<void> {
  const { end_session_endpoint: endpoint } = await readProvider(login);
  if (endpoint === undefined) return location.reload();
  const address = new URL(endpoint);
  address.searchParams.set('client_id', login.clientId);
  // Cognito calls this parameter logout_uri.
  for (const name of ['post_logout_redirect_uri', 'logout_uri']) address.searchParams.set(name, pageAddress());
  location.assign(address);
}

async function requestTokens(login: Login, parameters: Readonly<Record<string, string>>): Promise<Tokens> {
  const { token_endpoint: endpoint } = await readProvider(login);
  const response = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({ client_id: login.clientId, ...parameters }),
    cache: 'no-store',
  });
  const answer = (await response.json()) as {
    access_token?: string;
    refresh_token?: string;
    expires_in?: number;
    error?: string;
    error_description?: string;
  };
  if (!response.ok || !answer.access_token)
    throw new Error(answer.error_description ?? answer.error ?? `${response.status}`);
  return {
    accessToken: answer.access_token,
    ...(answer.refresh_token && { refreshToken: answer.refresh_token }),
    expiresInSeconds: answer.expires_in ?? 300,
  };
}

const randomText = () => encode(crypto.getRandomValues(new Uint8Array(32)));

const encode = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

function decode(text: string): string {
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
  const hash = new TextDecoder().decode(bytes);
  return hash.startsWith('#') ? hash : '';
}
