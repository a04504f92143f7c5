import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import { exchanges, queues } from '../../../infra/topology.ts';
import { readAllSettings } from '../../../lib/settings.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { ConsumerParts } from '../../../lib/consumer/parts.ts';
import { BatchUnfinishedError } from '../../../lib/consumer/report.ts';
import { StoreUnavailableError } from '../../../lib/runtime/errors.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import type { AttemptLog } from '../../../lib/crash-loop/attempt-log.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { emptyStore, modelPorts } from '../../model/model-ports.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';

process.env.LOG_LEVEL = 'ERROR';
process.env.POWERTOOLS_METRICS_DISABLED = 'true';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const INVOCATION_MS = 60_000;
const event = defineEvent({ type: 'tried', version: 1, exchange: exchanges.orders, schema: z.object({}) });

/** A consumer on a store of the model; notes the runs that were begun, and what was decided. */
function aConsumer(change: (log: AttemptLog) => Partial<AttemptLog> = () => ({})) {
  const store = emptyStore();
  const clock = { now: () => NOW_MS };
  const ports = modelPorts(store);
  const begun: string[] = [];
  const attemptLog: AttemptLog = {
    ...ports.attemptLog,
    async begin(queue, ids, run) {
      begun.push(`${run.kind}: ${ids.join(' ')}`);
      return ports.attemptLog.begin(queue, ids, run);
    },
    ...change(ports.attemptLog),
  };
  const parts: ConsumerParts = {
    ...ports,
    attemptLog,
    publisher: {
      publish: async () => {},
      publishAll: async (messages) => messages.map(() => undefined),
      close: async () => {},
    },
    archiveLetter: async () => {
      throw new Error('nothing is too large here');
    },
    clock,
    settings: readAllSettings({ LOG_LEVEL: 'ERROR' }),
    read: async () => undefined,
  };
  const handler = createConsumer({ queue: queues.stock, event, decide: () => ({ effects: [] }) }, parts);
  const run = async (...ids: string[]) => {
    const records = ids.map((id) =>
      aRecord({ id, type: 'tried', body: {}, redelivered: true, headers: { 'x-acquired-count': 3 } }),
    );
    const context = { getRemainingTimeInMillis: () => INVOCATION_MS };
    const report = await handler(anEvent(records, 'stock'), context).catch((error: unknown) => {
      if (error instanceof BatchUnfinishedError) return error.report;
      throw error;
    });
    return report;
  };
  const note = (id: string, ...isolatedEndByMs: number[]) => store.attempts.set(id as MessageId, { isolatedEndByMs });
  return { store, begun, run, note };
}

const over = NOW_MS - 1;
const underWay = NOW_MS + 1;

describe('messages that came back three times without an outcome', () => {
  test('run together, and leave no note when the runtime survives them', async () => {
    const { store, begun, run } = aConsumer();
    expect((await run('a', 'b', 'c')).counts.completed).toBe(3);
    expect(begun).toEqual(['together: a b c']);
    expect(store.attempts.size).toBe(0);
  });

  test('run alone, least tried first, where a run of theirs did not end', async () => {
    const { begun, run, note } = aConsumer();
    note('a', over, over);
    note('b');
    expect((await run('a', 'b', 'c', 'd')).counts.completed).toBe(4);
    expect(begun).toEqual(['together: c d', 'isolated: b', 'isolated: a']);
  });

  test('are a crash loop after three runs alone that are over', async () => {
    const { run, note } = aConsumer();
    note('a', over, over, over);
    expect((await run('a', 'b')).notCompleted).toMatchObject([{ id: 'a', outcome: 'dead-letter', code: 'CRASH_LOOP' }]);
  });

  test('are no crash loop while one of three runs may be under way in another environment', async () => {
    const { run, note, begun } = aConsumer();
    note('a', over, over, underWay);
    expect((await run('a')).notCompleted).toMatchObject([{ id: 'a', outcome: 'unfinished', code: 'LEASED' }]);
    expect(begun).toEqual([]);
  });

  test('are noted as survived with the next batch, where the store could not be told at once', async () => {
    let isAway = true;
    const { store, run } = aConsumer((real) => ({
      end: async (...args) => {
        if (isAway) throw new StoreUnavailableError();
        return real.end(...args);
      },
    }));
    await run('a');
    expect(store.attempts.size).toBe(1);
    isAway = false;
    await run('b');
    expect(store.attempts.size).toBe(0);
  });
});
