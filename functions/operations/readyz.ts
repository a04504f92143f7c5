import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { describeError } from 'surehop';
import { sendToDynamo, store, tableName } from 'surehop/dynamodb';
import { breakerState, endpoint, guarded, ok, Problem, type Dependency } from 'surehop/http';
import { brokerSettings } from 'surehop/management';
import { probeBroker } from 'surehop/rabbitmq';
import { inboxTable } from 'surehop/tables';

import { surehop } from '../surehop.ts';
import { route } from './readyz-route.ts';

// A wrong setting must stop the function at its start and not fail its first request.
surehop.settings(brokerSettings);
const table = tableName(surehop, inboxTable);

const TIMEOUT_MS = 2_000;

const probes: readonly (readonly [Dependency, () => Promise<unknown>])[] = [
  ['broker', () => probeBroker(surehop, TIMEOUT_MS)],
  ['store', probeStore],
];

/**
 * GET /readyz: returns whether RabbitMQ and DynamoDB respond, and the state of the circuit breakers in the Lambda
 * execution environment that handles the request.
 */
export const handler = endpoint(surehop, route, async ({ note }) => {
  const results = await Promise.all(
    probes.map(([part, probe]) => failureOf(part, () => guarded(surehop, part, probe))),
  );
  const breakers = Object.fromEntries(probes.map(([part]) => [part, breakerState(surehop, part)]));
  const away = results.filter((failure) => failure !== undefined);
  if (away.length === 0) return ok({ status: 'ready', breakers });
  note({ away });
  const names = away.map(({ part }) => part);
  throw new Problem('not-ready', `Away: ${names.join(', ')}.`, { members: { away: names, breakers } });
});

async function failureOf(part: string, probe: () => Promise<unknown>) {
  try {
    await probe();
    return undefined;
  } catch (error) {
    return { part, ...describeError(error) };
  }
}

function probeStore() {
  const request = new GetItemCommand({ TableName: table, Key: { pk: { S: 'readiness' } } });
  const abortSignal = AbortSignal.timeout(TIMEOUT_MS);
  return sendToDynamo((client) => client.send(request, { abortSignal }), store(surehop));
}
