import { configuration } from './configuration.ts';
import { finishLogin, renewLogin, type Tokens } from './login.ts';

/** The scope that a token needs for the routes that exist only under `npm start`. */
export const LOCAL_SCOPE = 'local:send';

/** The operator's token, which the page keeps only in memory. */
export interface Session {
  readonly token: string;
  /** The scopes of the token, without the prefix that the setting `JWT_SCOPE_PREFIX` defines. */
  readonly scopes: readonly string[];
  readonly operator: string;
  readonly expiresAtMs: number;
  /** Requests a new token before the operator's token expires. Absent if the operator must log in again. */
  readonly renew?: () => Promise<Session>;
}

/**
 * Thrown when the operator cannot log in: the service does not run under `npm start`, and no OpenID provider is
 * configured.
 */
export class NoLoginError extends Error {
  override readonly name = 'NoLoginError';
}

/**
 * Gets an access token: under `npm start` from the local service, and otherwise from the OpenID provider after the
 * login. Returns `undefined` if the operator must log in first.
 */
export async function startSession(): Promise<Session | undefined> {
  const { login } = configuration;
  if (!login) return localSession();
  const tokens = await finishLogin(login);
  return tokens && sessionOf(tokens);
}

async function localSession(): Promise<Session> {
  const response = await fetch('/console/session', { cache: 'no-store' });
  if (response.status === 404 || response.status === 403) throw new NoLoginError();
  if (!response.ok) throw new Error(`GET /console/session was answered with status ${response.status}`);
  const { token, expiresAt, scopes } = (await response.json()) as {
    token: string;
    expiresAt: string;
    scopes: readonly string[];
  };
  return { token, scopes, operator: nameIn(claimsOf(token)), expiresAtMs: Date.parse(expiresAt), renew: localSession };
}

function sessionOf({ accessToken, refreshToken, expiresInSeconds }: Tokens): Session {
  const claims = claimsOf(accessToken);
  const { scope, scp, exp } = claims;
  const scopes = [scope, scp]
    .flat()
    .flatMap((one) => (typeof one === 'string' ? one.split(' ') : []))
    .map((one) => (one.startsWith(configuration.scopePrefix) ? one.slice(configuration.scopePrefix.length) : one));
  return {
    token: accessToken,
    scopes,
    operator: nameIn(claims),
    expiresAtMs: typeof exp === 'number' ? exp * 1_000 : Date.now() + expiresInSeconds * 1_000,
    ...(refreshToken && {
      renew: async () => sessionOf({ refreshToken, ...(await renewLogin(configuration.login!, refreshToken)) }),
    }),
  };
}

function nameIn({ username, sub }: Readonly<Record<string, unknown>>): string {
  const name = username ?? sub;
  return typeof name === 'string' ? name : '';
}

/** Reads the claims of a JWT without verifying it, because the service verifies the token of every request. */
function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const [, payload = ''] = token.split('.');
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
