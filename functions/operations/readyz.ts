import { GetItemCommand } from '@aws-sdk/client-dynamodb';

import { tables } from '../../infra/tables.ts';
import { probeBroker } from '../../lib/rabbitmq/broker.ts';
import { describeError } from '../../lib/runtime/errors.ts';
import { ok } from '../../lib/http/answer.ts';
import { breakerState, guarded, type Part } from '../../lib/http/breaker.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { Problem } from '../../lib/http/problem.ts';
import { sendToDynamo, tableName } from '../../lib/dynamodb/send.ts';
import { route } from './readyz-route.ts';

/** For how long a part may keep silent. */
const PATIENCE_MS = 2_000;

/** Each part that work needs, and how to have it answer. */
const parts: readonly (readonly [Part, () => Promise<unknown>])[] = [
  ['broker', () => probeBroker(PATIENCE_MS)],
  [
    'store',
    () =>
      sendToDynamo((store) =>
        store.send(new GetItemCommand({ TableName: tableName(tables.inbox), Key: { pk: { S: 'readiness' } } }), {
          abortSignal: AbortSignal.timeout(PATIENCE_MS),
        }),
      ),
  ],
];

/** GET /readyz: broker and store answer, so that messages can be taken and finished; and how this environment's breakers stand. */
export const handler = endpoint(route, async ({ note }) => {
  const faults = await Promise.all(parts.map(([part, probe]) => faultOf(part, () => guarded(part, probe))));
  const breakers = Object.fromEntries(parts.map(([part]) => [part, breakerState(part)]));
  const away = faults.filter((fault) => fault !== undefined);
  if (away.length === 0) return ok({ status: 'ready', breakers });
  note({ away });
  const names = away.map(({ part }) => part);
  throw new Problem('not-ready', `Away: ${names.join(', ')}.`, { members: { away: names, breakers } });
});

async function faultOf(part: string, probe: () => Promise<unknown>) {
  try {
    await probe();
    return undefined;
  } catch (error) {
    return { part, ...describeError(error) };
  }
}
