import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { aFailure, aPoison } from '../support/failures.ts';
import { eventually } from '../support/eventually.ts';
import { hiddenWidth, SMALL } from './console-page.ts';
import type { World } from './world.ts';

export function hostileTests(world: World): void {
  describe('hostile content and hostile pages', () => {
    const MARKUP = `<img src=x onerror="alert('markup')"><script>alert('script')</script></script>"'\u0000`;
    const REVERSED = '\u202Egpj.exe\u2066';

    test('the console shows markup, right-to-left marks and one megabyte of text in a message as plain text, and the page stays intact', async () => {
      const id = `hostile-${REVERSED}<b>`;
      const body = JSON.stringify({ orderId: MARKUP, note: REVERSED, text: 'x'.repeat(1_000_000) });
      const message = aPoison('stock', body, id);
      const headers = { '<i>header</i>': MARKUP, reversed: REVERSED };
      await world.service.publish([
        aFailure('HOSTILE', `${MARKUP} ${REVERSED}`, { ...message, properties: { ...message.properties, headers } }),
      ]);
      await world.service.untilArchived(1, { code: 'HOSTILE' });
      for (const viewport of [SMALL, { width: 1280, height: 900 }]) {
        const { page, problems, show } = await world.aConsole({ viewport });
        await show('#/failures?code=HOSTILE', 'Failures');
        await page.locator('table.dead-letters').waitFor();
        expect(await page.locator('main').innerText()).toContain('<img src=x');
        const deadLetter = await world.aDeadLetter({ code: 'HOSTILE' });
        await show(`#/dead-letters/${deadLetter.id}`, 'Failed message');
        await page.getByRole('button', { name: 'Download the bytes' }).waitFor();
        const shown = await page.locator('main').innerText();
        expect(shown).toContain(`<script>alert('script')</script>`);
        expect(shown).toContain('<i>header</i>');
        expect(shown).not.toContain('\u202E');
        expect(await page.locator('main img, main script, main b, main i').count()).toBe(0);
        expect(await hiddenWidth(page)).toBe(0);
        expect(problems).toEqual([]);
      }
    });

    describe('a page of another site', () => {
      let server: Server;
      let attacker: string;
      beforeAll(async () => {
        server = createServer((_, response) =>
          response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>attacker</title>'),
        );
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        attacker = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      });
      afterAll(() => {
        server.closeAllConnections();
        server.close();
      });

      test('a page of another site reads no token, changes nothing and cannot show the console in a frame', async () => {
        const page = await world.browser.newPage();
        const { pid } = world.environment.broker;
        // Pages at localhost and at 127.0.0.1 belong to different sites; a page on another port of localhost to the same site.
        for (const site of [attacker, attacker.replace('127.0.0.1', 'localhost')]) {
          await page.goto(site);
          const read = await page.evaluate(async (target) => {
            const attempt = async (path: string, init?: RequestInit) => {
              try {
                const response = await fetch(target + path, init);
                return response.type === 'opaque' ? 'opaque' : await response.text();
              } catch {
                return 'refused';
              }
            };
            const body = '{}';
            return [
              await attempt('/console/session'),
              await attempt('/console/session', { credentials: 'include' }),
              await attempt('/console/session', { mode: 'no-cors' }),
              await attempt('/openapi.json'),
              await attempt('/console/dev/kill-broker', { method: 'POST', mode: 'no-cors', body }),
              await attempt('/console/dev/kill-broker', {
                method: 'POST',
                headers: { 'content-type': 'application/json' },
                body,
              }),
            ];
          }, world.url);
          expect([site, ...read]).toEqual([
            site,
            'refused',
            'refused',
            'refused',
            'refused',
            expect.stringMatching(/opaque|refused/),
            'refused',
          ]);
          await page.evaluate((target) => {
            const frame = document.createElement('iframe');
            frame.src = `${target}/console`;
            document.body.append(frame);
            const form = Object.assign(document.createElement('form'), {
              method: 'post',
              action: `${target}/console/dev/kill-broker`,
              target: 'elsewhere',
              enctype: 'text/plain',
            });
            document.body.append(form);
            const other = document.createElement('iframe');
            other.name = 'elsewhere';
            document.body.append(other);
            form.submit();
          }, world.url);
          await eventually('the refused frame', () =>
            page.frames().some((frame) => frame.url().startsWith('chrome-error:')),
          );
          for (const frame of page.frames()) expect(await frame.locator('#console').count()).toBe(0);
        }
        expect(world.environment.broker.pid).toBe(pid);
        await page.close();
      });
    });
  });

  test('no page can show the console in a frame, and the console runs no script except its own', async () => {
    const response = await fetch(`${world.url}/console`);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });
}
