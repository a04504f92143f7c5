import { GetItemCommand } from '@aws-sdk/client-dynamodb';

import { sendToDynamo } from '../dynamodb/send.ts';
import { store, tableName } from '../dynamodb/store.ts';
import { inboxTable } from '../dynamodb/toolkit-tables.ts';
import { ok, type Answer } from '../http/answer.ts';
import { breakerState, guarded, type Dependency } from '../http/breaker.ts';
import { Problem } from '../http/problem.ts';
import type { Request } from '../http/request.ts';
import { probeBroker } from '../rabbitmq/broker.ts';
import { brokerSettings } from '../rabbitmq/settings.ts';
import { describeError } from '../runtime/errors.ts';
import type { Surehop } from '../runtime/surehop.ts';

const TIMEOUT_MS = 2_000;

/**
 * Handles `readyzRoute`: returns whether RabbitMQ and DynamoDB respond, and the state of the circuit breakers in this
 * Lambda execution environment.
 */
export function readiness(surehop: Surehop): (request: Pick<Request, 'note'>) => Promise<Answer> {
  // A wrong setting must stop the function at its start and not fail its first request.
  surehop.settings(brokerSettings);
  const table = tableName(surehop, inboxTable);

  const probes: readonly (readonly [Dependency, () => Promise<unknown>])[] = [
    ['broker', () => probeBroker(surehop, TIMEOUT_MS)],
    ['store', probeStore],
  ];

  function probeStore() {
    const request = new GetItemCommand({ TableName: table, Key: { pk: { S: 'readiness' } } });
    const abortSignal = AbortSignal.timeout(TIMEOUT_MS);
    return sendToDynamo((client) => client.send(request, { abortSignal }), store(surehop));
  }

  return async ({ note }) => {
    const results = await Promise.all(
      probes.map(([dependency, probe]) => failureOf(dependency, () => guarded(surehop, dependency, probe))),
    );
    const breakers = Object.fromEntries(probes.map(([dependency]) => [dependency, breakerState(surehop, dependency)]));
    const unavailable = results.filter((failure) => failure !== undefined);
    if (unavailable.length === 0) return ok({ status: 'ready', breakers });
    note({ away: unavailable });
    const names = unavailable.map(({ part }) => part);
    throw new Problem('not-ready', `Unavailable: ${names.join(', ')}.`, { members: { away: names, breakers } });
  };
}

async function failureOf(dependency: Dependency, probe: () => Promise<unknown>) {
  try {
    await probe();
    return undefined;
  } catch (error) {
    return { part: dependency, ...describeError(error) };
  }
}
