import { appendFileSync, readFileSync } from 'node:fs';

import { surehop } from '../../../functions/surehop.ts';
import { partsOf, type ConsumerParts } from '../../../lib/consumer/parts.ts';
import { publisher } from '../../../lib/rabbitmq/broker.ts';
import type { Publisher } from '../../../lib/events/publish.ts';
import type { Inbox } from '../../../lib/inbox/inbox.ts';

/** The steps of one batch, in their order, at which its process can be killed. */
export const steps = ['start', 'find', 'decide', 'commit', 'emit', 'place', 'note', 'return'] as const;

export type Step = (typeof steps)[number];

/** The process of the queue's consumer is gone there, as by SIGKILL, once over all processes. */
export interface Kill {
  readonly id: string;
  readonly queue: string;
  readonly step: Step;
  readonly side: 'before' | 'after';
}

/** What the runner wants the functions to suffer; they look at it before each step. */
export interface Sabotage {
  readonly kills: readonly Kill[];
  /** Orders of the kind `jam` fail for good. */
  readonly isJammed: boolean;
}

export const unharmed: Sabotage = { kills: [], isJammed: false };

/** Names of the variables that tell where the sabotage stands, and where kills are noted before they happen. */
export const SABOTAGE_FILE = 'FAULTS_SABOTAGE';
export const KILLS_FILE = 'FAULTS_KILLS';

export function readSabotage(): Sabotage {
  const file = process.env[SABOTAGE_FILE];
  if (!file) throw new Error(`${SABOTAGE_FILE} is not set: these functions run under npm run faults only`);
  return JSON.parse(readFileSync(file, 'utf8')) as Sabotage;
}

/** Does `run`, unless the process is to be killed before or after it. */
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

/** A queue's function, which may be gone before it has looked at its batch and after all is done. */
export const batchSteps =
  <A extends unknown[], R>(queue: string, handler: (...args: A) => Promise<R>) =>
  async (...args: A): Promise<R> => {
    await step(queue, 'start', () => {});
    const result = await handler(...args);
    await step(queue, 'return', () => {});
    return result;
  };

/** The clients and settings of a deployed consumer, with sabotage at each of its steps. */
export function sabotagedParts(queue: string): ConsumerParts {
  const real = { ...partsOf(surehop), publisher: publisher(surehop) };
  const inbox: Inbox = {
    ...real.inbox,
    find: (...args) => step(queue, 'find', () => real.inbox.find(...args)),
    commit: (...args) => step(queue, 'commit', () => real.inbox.commit(...args)),
    recordHandoffs: (...args) => step(queue, 'note', () => real.inbox.recordHandoffs(...args)),
  };
  const publishAll: Publisher['publishAll'] = (messages, deadlineMs) => {
    // A message for its own event's exchange is a new event; any other one is a copy.
    const name = messages[0]?.properties.headers['surehop-exchange'] === messages[0]?.exchange ? 'emit' : 'place';
    return step(queue, name, () => real.publisher.publishAll(messages, deadlineMs));
  };
  return { ...real, inbox, publisher: { ...real.publisher, publishAll } };
}
