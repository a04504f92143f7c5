import { expect, test } from '@jest/globals';

import { readRoute, writeRoute } from '../../../infra/console/route.ts';

test.each([
  ['', { view: 'overview', query: {} }],
  ['#/', { view: 'overview', query: {} }],
  ['#/failures?queue=invoices&text=a%20%26b', { view: 'failures', query: { queue: 'invoices', text: 'a &b' } }],
  ['#/messages/one%2Ftwo%3F', { view: 'messages', id: 'one/two?', query: {} }],
  ['#/messages/%E0%A4%A', { view: 'messages', id: '%E0%A4%A', query: {} }],
])('the console parses the fragment %j of the address into the route %j', (hash, route) => {
  expect(readRoute(hash)).toEqual(route);
});

test('the console writes a route to the URL fragment without empty and undefined query values, and reads the same route back', () => {
  const id = 'a/b?c#d&e %';
  const query = { queue: 'invoices', text: 'x=1&y#', code: '', client: undefined };
  expect(readRoute(writeRoute('messages', { id, query }))).toEqual({
    view: 'messages',
    id,
    query: { queue: 'invoices', text: 'x=1&y#' },
  });
});
