import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An OpenID provider for tests, which logs in everybody who clicks the link on the login page. */
export interface OpenIdProvider {
  readonly issuer: string;
  readonly clientId: string;
  /** The query parameters of each request to the login page. */
  readonly logins: Record<string, string>[];
  /** The number of authorization codes that were exchanged for tokens. */
  exchanged(): number;
  stop(): Promise<void>;
}

/**
 * Starts an OpenID provider that supports only the authorization code flow with PKCE (RFC 7636). Clients get the tokens
 * that the callback `issue` creates.
 */
export async function anOpenIdProvider(issue: () => Promise<string>): Promise<OpenIdProvider> {
  const clientId = 'console';
  const logins: Record<string, string>[] = [];
  const codes = new Map<string, { readonly challenge: string; readonly redirect: string }>();
  let exchanged = 0;
  let issuer = '';

  const server = createServer((request, response) => {
    const address = new URL(request.url!, issuer);
    const json = (status: number, body: unknown) =>
      response
        .writeHead(status, { 'content-type': 'application/json', 'access-control-allow-origin': '*' })
        .end(JSON.stringify(body));
    if (address.pathname === '/.well-known/openid-configuration')
      return json(200, {
        issuer,
        authorization_endpoint: `${issuer}/login`,
        token_endpoint: `${issuer}/token`,
      });
    if (address.pathname === '/login') {
      const query = Object.fromEntries(address.searchParams);
      logins.push(query);
      const { redirect_uri: redirect = '', code_challenge: challenge = '', state = '' } = query;
      const isValid = query['client_id'] === clientId && query['response_type'] === 'code';
      if (!isValid || query['code_challenge_method'] !== 'S256' || challenge === '') return json(400, query);
      const code = randomUUID();
      codes.set(code, { challenge, redirect });
      const back = new URL(redirect);
      back.search = new URLSearchParams({ code, state }).toString();
      return response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(`<!doctype html><title>Login</title><a href="${back.href.replaceAll('&', '&amp;')}">Continue as ada</a>`);
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const known = codes.get(form.get('code') ?? '');
      codes.delete(form.get('code') ?? '');
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      if (known?.challenge !== challenge || known.redirect !== form.get('redirect_uri') || form.has('client_secret'))
        return json(400, { error: 'invalid_grant' });
      exchanged += 1;
      void issue().then((token) => json(200, { access_token: token, token_type: 'Bearer', expires_in: 3_600 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    clientId,
    logins,
    exchanged: () => exchanged,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
