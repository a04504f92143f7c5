import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

test('in serverless.yml, the route PUT /stock/{sku} requires a token with the scope stock:write', () => {
  const { functions } = parse(readFileSync('serverless.yml', 'utf8'), { merge: true }) as {
    functions: Record<string, { events: { httpApi: unknown }[] }>;
  };
  expect(functions['put-stock']!.events.map(({ httpApi }) => httpApi)).toEqual([
    { method: 'PUT', path: '/stock/{sku}', authorizer: { name: 'operators', scopes: ['${operators:stock:write}'] } },
  ]);
});
