import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { consolePage } from '../../../lib/operations/console.ts';
import { consoleRoute } from '../../../lib/operations/open-routes.ts';
import { endpoint } from '../../../lib/http/endpoint.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';
import { aRequest } from '../../support/request.ts';

const page = { script: 'console.log("✓ <&>")', style: 'body { color: red }' };

async function open(environment: Record<string, string> = {}, headers: Record<string, string> = {}) {
  const surehop = createSurehop({ environment: { LOG_LEVEL: 'ERROR', ...environment } });
  const handler = endpoint(surehop, consoleRoute, consolePage(surehop, page));
  const {
    statusCode,
    headers: answered,
    body = '',
    isBase64Encoded,
  } = await handler(aRequest({ route: 'GET /console', headers }));
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  return { statusCode, headers: answered as Record<string, string>, bytes };
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

describe('GET /console', () => {
  test('the page of the console contains the script, the style and the configuration', async () => {
    const { statusCode, headers, bytes } = await open({ SERVICE_NAME: 'shop', STAGE: 'prod' });
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const html = bytes.toString();
    expect(html).toContain(`<script type="module">${page.script}</script>`);
    expect(html).toContain(`<style>${page.style}</style>`);
    expect(html).toContain('{"service":"shop","stage":"prod","scopePrefix":""}');
  });

  test('the configuration in the HTML page of the console contains the URL templates for timelines and traces', async () => {
    const surehop = createSurehop({ environment: { LOG_LEVEL: 'ERROR' } });
    const addresses = { timeline: '/invoices/{id}/timeline', trace: 'https://traces.example.com/{id}' };
    const { body } = consolePage(surehop, page, addresses)({ headers: {} });
    const [, json = ''] = /id="configuration">(.*)<\/script>/.exec(String(body)) ?? [];
    expect(JSON.parse(json)).toMatchObject(addresses);
  });

  test('the content security policy allows only the script and the style of the page', async () => {
    const { headers } = await open();
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; script-src ${hashOf(page.script)}; style-src ${hashOf(page.style)}; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
  });

  test('the HTML page of the console is sent with the same security headers as all other responses', async () => {
    const { headers } = await open();
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });

  test('the page of the console is compressed for a browser that accepts gzip', async () => {
    const plain = await open();
    const compressed = await open({}, { 'Accept-Encoding': 'gzip, deflate, br' });
    expect(compressed.headers['content-encoding']).toBe('gzip');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(gunzipSync(compressed.bytes).equals(plain.bytes)).toBe(true);
  });

  test('if an OpenID client is configured for the console, the page of the console may send requests to the OpenID provider, and contains the scopes to request', async () => {
    const { headers, bytes } = await open({
      STAGE: 'prod',
      CONSOLE_CLIENT_ID: 'console',
      JWT_ISSUER: 'https://cognito.example.com/pool',
      JWT_SCOPE_PREFIX: 'shop/',
      CONSOLE_LOGIN_ORIGINS: 'https://login.example.com',
    });
    expect(headers['content-security-policy']).toContain(
      "connect-src 'self' https://cognito.example.com https://login.example.com;",
    );
    expect(bytes.toString()).toContain(
      '"login":{"issuer":"https://cognito.example.com/pool","clientId":"console","scopes":["openid","shop/status:read"',
    );
  });

  test('HTML markup in the client id is escaped and cannot close the script element with the configuration of the console', async () => {
    const { bytes } = await open({ CONSOLE_CLIENT_ID: '</script><script>', JWT_ISSUER: 'https://login.example.com' });
    expect(bytes.toString().match(/<\/script>/g)).toHaveLength(2);
  });
});
