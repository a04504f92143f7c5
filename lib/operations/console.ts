import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import type { Answer } from '../http/answer.ts';
import { tokenSettings } from '../http/auth/settings.ts';
import type { Request } from '../http/request.ts';
import { serviceSettings } from '../runtime/service-settings.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { consoleSettings } from './console-settings.ts';

/** The built script and style of the operators' console, which the package `surehop-console` exports as `page`. */
export interface ConsoleAssets {
  readonly script: string;
  readonly style: string;
}

/** The configuration of the operators' console, which the page contains as JSON. */
export interface ConsoleConfiguration {
  /** The name of the service, which the header of the operators' console shows. */
  readonly service: string;
  readonly stage: string;
  /** How operators log in at an OpenID provider. Absent under `npm start`, which issues tokens itself. */
  readonly login?: {
    readonly issuer: string;
    readonly clientId: string;
    /** The scopes that the operators' console requests, as the issuer writes them. */
    readonly scopes: readonly string[];
  };
  /**
   * The path of a route that returns the timeline of a message together with business data, for example
   * `/invoices/{id}/timeline` with the amount of the invoice. The operators' console requests this route with the
   * message id as `{id}`, and shows the response. If the route responds with 404, the console shows the toolkit's own
   * timeline instead.
   */
  readonly timeline?: string;
  /**
   * The address of a page that shows a trace, for example `https://traces.example.com/trace/{id}`. The console shows each
   * trace id as a link to this address.
   */
  readonly trace?: string;
  /** The prefix that every scope has in operators' tokens. */
  readonly scopePrefix: string;
}

/** The scopes that the routes of the operators' console require. An operator may have fewer scopes. */
const SCOPES = ['status:read', 'dead-letters:read', 'dead-letters:redrive', 'dead-letters:edit'];

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 12h4V8h4V4h6' fill='none' stroke='%232f6fde' stroke-width='2.5'/%3E%3C/svg%3E";

/**
 * Handles `consoleRoute`: answers with the operators' console as one HTML document. Its content security policy allows
 * requests only to the service and to the issuer of operators' tokens.
 */
export function consolePage(
  surehop: Surehop,
  { script, style }: ConsoleAssets,
  { timeline, trace }: Pick<ConsoleConfiguration, 'timeline' | 'trace'> = {},
): (request: Pick<Request, 'headers'>) => Answer {
  const configuration = { ...configurationOf(surehop), timeline, trace };
  const { CONSOLE_LOGIN_ORIGINS } = surehop.settings(consoleSettings);
  const html = Buffer.from(documentOf(configuration, { script, style }));
  const compressed = gzipSync(html, { level: 9 });
  const { login } = configuration;
  const loginOrigins = login ? [new URL(login.issuer).origin, ...(CONSOLE_LOGIN_ORIGINS?.split(',') ?? [])] : [];
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': [
      "default-src 'none'",
      `script-src ${hashOf(script)}`,
      `style-src ${hashOf(style)}`,
      'img-src data:',
      ['connect-src', "'self'", ...loginOrigins].join(' '),
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'cross-origin-opener-policy': 'same-origin',
    vary: 'accept-encoding',
  };
  return ({ headers: { 'accept-encoding': accepted = '' } }) =>
    /\bgzip\b/.test(accepted)
      ? { status: 200, body: compressed, headers: { ...headers, 'content-encoding': 'gzip' } }
      : { status: 200, body: html, headers };
}

function configurationOf(surehop: Surehop): ConsoleConfiguration {
  const { CONSOLE_CLIENT_ID: clientId } = surehop.settings(consoleSettings);
  const { JWT_ISSUER: issuer, JWT_SCOPE_PREFIX: scopePrefix } = surehop.settings(tokenSettings);
  const { SERVICE_NAME: service, STAGE: stage } = surehop.settings(serviceSettings);
  const scopes = ['openid', ...SCOPES.map((scope) => scopePrefix + scope)];
  return { service, stage, scopePrefix, ...(clientId && issuer && { login: { issuer, clientId, scopes } }) };
}

function documentOf(configuration: ConsoleConfiguration, { script, style }: ConsoleAssets): string {
  // A "<" could end the script element that contains the JSON.
  const json = JSON.stringify(configuration).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Operators' console</title>
<link rel="icon" href="${ICON}">
<style>${style}</style>
</head>
<body>
<div id="console"><noscript>The operators' console needs JavaScript.</noscript></div>
<script type="application/json" id="configuration">${json}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
