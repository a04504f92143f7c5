import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

import { TROUBLESHOOTING, troubleshootingPage } from '../../infra/build/troubleshooting.ts';
import { problems } from '../../lib/http/problems.ts';
import { errorCodes } from '../../lib/runtime/error-codes.ts';

const page = readFileSync(TROUBLESHOOTING, 'utf8');

test('docs/guides/troubleshooting.md matches the error codes and problems in the code (update the page with npm run errors)', async () => {
  expect(page).toBe(await troubleshootingPage());
});

test('docs/guides/troubleshooting.md explains every error code and every problem of the HTTP API once', () => {
  const headings = [...page.matchAll(/^### `(.+)`$/gm)].map(([, name]) => name);
  expect(headings.toSorted()).toEqual([...Object.keys(errorCodes), ...Object.keys(problems)].toSorted());
});

test('every link within docs/guides/troubleshooting.md leads to a heading of the page', () => {
  const anchors = new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!)));
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor!);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((anchor) => !anchors.has(anchor))).toEqual([]);
});

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');
