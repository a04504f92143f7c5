import { appendFileSync, readFileSync } from 'node:fs';

import { surehop } from '../../../functions/surehop.ts';
import { dependenciesOf, type ConsumerDependencies } from '../../../lib/consumer/dependencies.ts';
import { publisher } from '../../../lib/rabbitmq/broker.ts';
import type { Publisher } from '../../../lib/events/publish.ts';
import { spanOf } from '../../../lib/events/trace.ts';
import type { Inbox } from '../../../lib/inbox/inbox.ts';
import type { Tracing } from '../../../lib/runtime/tracing.ts';

/** The steps of processing a batch, in order. A test can kill the process before or after each step. */
export const steps = ['start', 'find', 'decide', 'commit', 'emit', 'place', 'note', 'return'] as const;

export type Step = (typeof steps)[number];

/**
 * An instruction to kill the process of a queue's consumer with SIGKILL, before or after a step of processing a batch.
 * Only the first process that reaches this step is killed.
 */
export interface Kill {
  readonly id: string;
  readonly queue: string;
  readonly step: Step;
  readonly side: 'before' | 'after';
}

/** The faults that are currently injected into the functions, which read them from a file. */
export interface Sabotage {
  readonly kills: readonly Kill[];
  readonly isFailing: boolean;
}

export const unharmed: Sabotage = { kills: [], isFailing: false };

/** The name of the environment variable with the path of the file that contains the injected faults. */
export const SABOTAGE_FILE = 'FAULTS_SABOTAGE';
/**
 * The name of the environment variable that contains the path of a file. A process writes to this file before it kills
 * itself.
 */
export const KILLS_FILE = 'FAULTS_KILLS';

/**
 * The name of the environment variable with the path of a file that records which process started which span. Without
 * this variable, nothing is recorded.
 */
export const SPANS_FILE = 'FAULTS_SPANS';

const withRecords = (tracing: Tracing): Tracing => ({
  flush: () => tracing.flush(),
  start(options) {
    const span = tracing.start(options);
    const { spanId } = spanOf(span?.trace.traceparent);
    const file = process.env[SPANS_FILE];
    if (spanId && file) appendFileSync(file, `${spanId} ${process.pid}\n`);
    return span;
  },
});

export function readSabotage(): Sabotage {
  const file = process.env[SABOTAGE_FILE];
  if (!file)
    throw new Error(`${SABOTAGE_FILE} is not set: these functions run only in npm run faults and npm run soak`);
  return JSON.parse(readFileSync(file, 'utf8')) as Sabotage;
}

/**
 * Runs one step of processing a batch. The process is killed before or after the step if an injected fault demands it.
 */
export async function step<T>(queue: string, name: Step, run: () => Promise<T> | T): Promise<T> {
  killIfWanted(queue, name, 'before');
  const result = await run();
  killIfWanted(queue, name, 'after');
  return result;
}

function killIfWanted(queue: string, name: Step, side: 'before' | 'after'): void {
  const kill = readSabotage().kills.find((each) => each.queue === queue && each.step === name && each.side === side);
  if (!kill) return;
  const file = process.env[KILLS_FILE]!;
  if (readFileSync(file, 'utf8').split('\n').includes(kill.id)) return;
  appendFileSync(file, `${kill.id}\n`);
  process.kill(process.pid, 'SIGKILL');
}

/** Wraps a consumer's handler so that a fault can kill the process before or after the handler processes a batch. */
export const batchSteps =
  <A extends unknown[], R>(queue: string, handler: (...args: A) => Promise<R>) =>
  async (...args: A): Promise<R> => {
    await step(queue, 'start', () => {});
    const result = await handler(...args);
    await step(queue, 'return', () => {});
    return result;
  };

/**
 * Returns the dependencies of a deployed consumer, wrapped so that a test can kill the process before or after each
 * call to DynamoDB or the broker.
 */
export function sabotagedDependencies(queue: string): ConsumerDependencies {
  const real = { ...dependenciesOf(surehop), publisher: publisher(surehop) };
  const inbox: Inbox = {
    ...real.inbox,
    find: (...args) => step(queue, 'find', () => real.inbox.find(...args)),
    commit: (...args) => step(queue, 'commit', () => real.inbox.commit(...args)),
    recordHandoffs: (...args) => step(queue, 'note', () => real.inbox.recordHandoffs(...args)),
  };
  const publishAll: Publisher['publishAll'] = (messages, deadlineMs) => {
    // Follow-up events go to the exchange of their event; every other publish is a copy of a message.
    const name = messages[0]?.properties.headers['surehop-exchange'] === messages[0]?.exchange ? 'emit' : 'place';
    return step(queue, name, () => real.publisher.publishAll(messages, deadlineMs));
  };
  const tracing = real.tracing && withRecords(real.tracing);
  return { ...real, inbox, tracing, publisher: { ...real.publisher, publishAll } };
}
