import type { IncomingMessage } from 'node:http';

import { verifyLocalToken } from '../runtime/issuer.ts';
import { Refusal } from './refusal.ts';

/** The scope that a token needs for the console's local routes, which exist only on the developer's machine. */
export const LOCAL_SCOPE = 'local:send';

const LOCAL_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

type Headers = IncomingMessage['headers'];

/**
 * Refuses a request to `GET /console/session` unless a page of this service sends it. The response contains a token, and
 * any page that is open in the developer's browser can send requests to this machine.
 */
export function requireOwnPage(headers: Headers): void {
  requireLocalHost(headers);
  // Browsers set this header themselves, and pages cannot change it.
  if (headers['sec-fetch-site'] !== 'same-origin')
    throw new Refusal(
      403,
      'only the page /console of this service gets a token here; in a terminal, run npx surehop token',
    );
  requireOwnOrigin(headers);
}

/** Refuses a request that a page of another site sends, or that has no token with the scope `local:send`. */
export async function requireLocalOperator(headers: Headers, dataDirectory: string): Promise<void> {
  requireLocalHost(headers);
  const { 'sec-fetch-site': site, authorization = '' } = headers;
  // Programs such as curl do not send this header.
  if (site !== undefined && site !== 'same-origin') throw new Refusal(403, 'a page of another site sent the request');
  requireOwnOrigin(headers);
  const [, token] = /^Bearer +([\w.-]+)$/i.exec(authorization) ?? [];
  if (token === undefined)
    throw new Refusal(401, `send a token: Authorization: Bearer $(npx surehop token --scope ${LOCAL_SCOPE})`);
  const scopes = await verifyLocalToken(dataDirectory, token).catch(() => {
    throw new Refusal(401, 'the token is not valid, or it has expired');
  });
  if (!scopes.includes(LOCAL_SCOPE)) throw new Refusal(403, `the token lacks the scope ${LOCAL_SCOPE}`);
}

/**
 * Refuses a request that was sent to another host name. The host name of a hostile site can resolve to this machine
 * (DNS rebinding), and requests of that site's pages then look as if they came from the same origin.
 */
function requireLocalHost({ host = '' }: Headers): void {
  const address = `http://${host}`;
  if (!URL.canParse(address) || new URL(address).host !== host.toLowerCase().replace(/:80$/, '') || !isLocal(address))
    throw new Refusal(403, 'the Host of the request is not localhost, 127.0.0.1 or [::1]');
}

const isLocal = (address: string) => LOCAL_NAMES.has(new URL(address).hostname);

function requireOwnOrigin({ origin, host }: Headers): void {
  if (origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase()}`)
    throw new Refusal(403, 'a page of another origin sent the request');
}
