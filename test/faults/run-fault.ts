import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { connect } from 'amqplib';
import pMap from 'p-map';

import { reasonOf, type Say } from '../../infra/dev/runtime/command-line.ts';
import { sumMetrics } from '../../infra/dev/runtime/embedded-metrics.ts';
import { faultsTopology } from './accounts.ts';
import { audit } from './audit.ts';
import { place } from './client.ts';
import { createForeignPublisher } from './foreign-publisher.ts';
import { violationsOf, type Account, type AuditResult, type InvariantName } from '../model/invariants.ts';
import { DEFAULT_RECOVERY_MS, type Fault, type Lab } from './lab.ts';
import type { Ledger } from './ledger.ts';
import { observe, putStock } from './observe.ts';
import { OWN_STOCK, planOrders, SHARED_STOCK, usualMix, type PlannedOrder } from './orders.ts';
import type { Random } from './random.ts';
import { unharmed } from './functions/sabotage.ts';
import { TABLE_PREFIX, type System } from './system.ts';

/** The share of the orders that the test clients send before the fault is injected, from 0 to 1. */
const BEGIN_AT = 0.1;
/**
 * How long to wait until all messages have a final state, in ms. This must be more than three minutes, because RabbitMQ
 * waits three minutes before it republishes a refused dead letter (`dead_letter_worker_publisher_confirm_timeout`).
 */
const QUIET_WITHIN_MS = 240_000;
/**
 * How much longer to wait, in ms, if the queues still contain messages after `QUIET_WITHIN_MS`, because an overloaded
 * machine may need more time.
 */
const LATE_WITHIN_MS = 900_000;
/**
 * How long to wait, while all queues are empty, for another message to reach a final state, in ms. After this time,
 * messages without a final state count as lost.
 */
const STUCK_AFTER_MS = 40_000;
const PROBE_EVERY_MS = 50;

export interface Outcome {
  readonly fault: Fault;
  readonly audited: AuditResult;
  readonly violations: Partial<Record<InvariantName | 'expected', string[]>>;
  readonly tookMs: number;
  /** The number of duplicate messages that the functions skipped during the fault, according to their logs. */
  readonly duplicates: number;
}

export interface Around {
  readonly system: System;
  readonly store: DynamoDBClient;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly messages: number;
  /** The number of test clients. Each of them places up to two orders at the same time. */
  readonly clients: number;
  readonly signal: AbortSignal;
  readonly say: Say;
}

/** Injects one fault while test clients place orders. Checks the invariants when all messages have a final state. */
export async function runFault(fault: Fault, around: Around): Promise<Outcome> {
  const { system, store, ledger, messages, clients, signal, say } = around;
  const random = around.random.fork(fault.name);
  const { environments = 1 } = fault;
  if (system.environments() !== environments) await system.restartService(environments);
  const startedAtMs = performance.now();
  const loggedBytes = statSync(system.logFile, { throwIfNoEntry: false })?.size ?? 0;
  const foreign = createForeignPublisher(system.operatorUrl, fault.name, ledger);
  const seen: string[] = [];
  let worstRecoveryMs = 0;
  let planned = 0;

  async function plan(count: number, mix = fault.mix ?? usualMix): Promise<PlannedOrder[]> {
    planned += 1;
    const orders = planOrders(planned === 1 ? fault.name : `${fault.name}_${planned}`, count, mix, random);
    await putStock(store, stockFor(orders));
    return orders;
  }

  const limitMs = fault.recoverWithinMs ?? DEFAULT_RECOVERY_MS;
  const lab: Lab = {
    name: fault.name,
    system,
    store,
    random,
    ledger,
    foreign,
    signal,
    say,
    plan,
    async place(orders) {
      await pMap(orders, (order) => place(system.url, order, { fault: fault.name, ledger, signal }), {
        concurrency: clients,
      });
    },
    async recover() {
      const [probe] = await plan(1, {});
      const fromMs = performance.now();
      const { id } = await place(system.url, probe!, { fault: fault.name, ledger, signal });
      while (!(await isDone(store, id))) {
        signal.throwIfAborted();
        if (performance.now() - fromMs > 2 * limitMs) break;
        await sleep(PROBE_EVERY_MS);
      }
      worstRecoveryMs = Math.max(worstRecoveryMs, performance.now() - fromMs);
    },
    quiet: () => untilQuiet().then(() => {}),
    violated: (what) => void seen.push(what),
  };

  async function untilQuiet(): Promise<AuditResult> {
    const end = performance.now() + QUIET_WITHIN_MS;
    let progress = { ended: -1, atMs: performance.now() };
    for (;;) {
      signal.throwIfAborted();
      const waiting = await messagesReady(system.operatorUrl);
      const lateMs = performance.now() - end;
      const isLate = lateMs > LATE_WITHIN_MS || (lateMs > 0 && (await system.management.messages()) === 0);
      if (waiting === 0 || isLate) {
        const recovery = { tookMs: worstRecoveryMs, limitMs };
        const audited = audit(ledger, await observe(store), { waiting: waiting ?? 0, fault: fault.name, recovery });
        // A message that commits while the tables are read has its effects in the audit but not its marker: read again.
        const isOpen = ({ answer, applied, ends }: Account) =>
          ends.length === 0 && (answer === 'accepted' || applied > 0);
        const isOver = !audited.accounts.some(isOpen);
        const ended = audited.accounts.filter(({ ends }) => ends.length > 0).length;
        if (ended !== progress.ended) progress = { ended, atMs: performance.now() };
        const isStuck = async () =>
          performance.now() - progress.atMs > STUCK_AFTER_MS && (await system.management.messages()) === 0;
        if (isOver || isLate || (await isStuck())) return audited;
      }
      await sleep(300);
    }
  }

  const noted = (what: string) => (error: unknown) => {
    signal.throwIfAborted();
    seen.push(`${what}: ${reasonOf(error)}`);
    begin();
  };
  let begin = () => {};

  try {
    const orders = await plan(messages);
    let sent = 0;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const fromMs = performance.now();
    const load = pMap(
      orders.entries(),
      async ([index, order]) => {
        await sleep(Math.max(fromMs + (index / orders.length) * fault.spanMs - performance.now(), 0));
        if (signal.aborted) return;
        sent += 1;
        if (sent >= orders.length * BEGIN_AT) begin();
        await place(system.url, order, { fault: fault.name, ledger, signal });
      },
      { concurrency: clients * 2 },
    );
    const injected = begun.then(() => fault.inject(lab)).catch(noted('the fault could not be injected'));
    await Promise.all([load.catch(noted('a test client failed unexpectedly')), injected.then(() => lab.recover())]);
    const audited = await untilQuiet();
    const violations = { ...violationsOf(audited), ...(seen.length > 0 && { expected: seen }) };
    return {
      fault,
      audited,
      violations,
      tookMs: performance.now() - startedAtMs,
      duplicates: sumMetrics(system.logFile, ['Duplicates'], loggedBytes).Duplicates,
    };
  } finally {
    system.sabotage(unharmed);
    await foreign.close();
  }
}

function stockFor(orders: readonly PlannedOrder[]): Map<string, number> {
  const stock = new Map<string, number>();
  for (const { own, shared, kind } of orders) {
    stock.set(own.sku, kind === 'soldout' ? 0 : OWN_STOCK);
    stock.set(shared.sku, SHARED_STOCK);
  }
  return stock;
}

async function isDone(store: DynamoDBClient, id: string): Promise<boolean> {
  const table = `${TABLE_PREFIX}inbox`;
  const { Responses } = await store.send(
    new BatchGetItemCommand({
      RequestItems: {
        [table]: { Keys: ['stock', 'points'].map((queue) => ({ pk: { S: `${queue}#${id}` } })), ConsistentRead: true },
      },
    }),
  );
  return (Responses?.[table] ?? []).filter(({ state }) => state?.S === 'completed').length === 2;
}

/** Returns the number of ready messages in all queues, or `undefined` if the broker does not answer. */
async function messagesReady(amqpUrl: string): Promise<number | undefined> {
  try {
    const connection = await connect(amqpUrl, { timeout: 5_000 });
    connection.on('error', () => {});
    try {
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      let sum = 0;
      for (const { name } of faultsTopology.queues) sum += (await channel.checkQueue(name)).messageCount;
      return sum;
    } finally {
      await connection.close().catch(() => {});
    }
  } catch {
    return undefined;
  }
}
