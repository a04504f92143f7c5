import { GetItemCommand } from '@aws-sdk/client-dynamodb';

import { probeBroker } from '../../lib/broker/broker.ts';
import { describeError } from '../../lib/errors.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import { tableName } from '../../lib/inbox/ask.ts';
import { store } from '../../lib/inbox/store.ts';

/** For how long a part may keep silent. */
const PATIENCE_MS = 2_000;

/** Each part that work needs, and how to have it answer. */
const parts: Readonly<Record<string, () => Promise<unknown>>> = {
  broker: () => probeBroker(PATIENCE_MS),
  store: () =>
    store().send(new GetItemCommand({ TableName: tableName('inbox'), Key: { pk: { S: 'readiness' } } }), {
      abortSignal: AbortSignal.timeout(PATIENCE_MS),
    }),
};

/** GET /readyz: broker and store answer, so that messages can be taken and finished. */
export const handler = endpoint({}, async ({ note }) => {
  const faults = await Promise.all(Object.entries(parts).map(([part, ask]) => faultOf(part, ask)));
  const away = faults.filter((fault) => fault !== undefined);
  if (away.length === 0) return ok({ status: 'ready' });
  note({ away });
  const names = away.map(({ part }) => part);
  throw new Problem('not-ready', `Away: ${names.join(', ')}.`, { members: { away: names } });
});

async function faultOf(part: string, ask: () => Promise<unknown>) {
  try {
    await ask();
    return undefined;
  } catch (error) {
    return { part, ...describeError(error) };
  }
}
