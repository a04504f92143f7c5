import { setTimeout as sleep } from 'node:timers/promises';

import type { Decide, RuleContext } from '../../../lib/message/rule.ts';
import { PermanentError } from '../../../lib/runtime/errors.ts';
import { readSabotage, step } from './sabotage.ts';

/**
 * The kinds of test orders, which decide whether processing an order succeeds, fails, hangs or crashes. The customer id
 * of an order starts with the kind of the order.
 */
export const kinds = [
  'sound',
  'soldout',
  /**
   * Orders of the kinds `fails1`, `fails2` and `fails3` fail in their first one, two or three attempts respectively,
   * and then succeed.
   */
  'fails1',
  'fails2',
  'fails3',
  /** For an order of the kind `hangs`, the business rule waits at the first attempt until the attempt is aborted. */
  'hangs',
  'poison',
  /**
   * Orders of the kind `broken` fail permanently in the consumer of the queue `stock` while the setting `isFailing` is
   * true.
   */
  'broken',
  /**
   * Orders of the kinds `memory`, `loop`, `exit` and `unhandled` crash the consumer of the queue `points` at every
   * attempt.
   */
  'memory',
  'loop',
  'exit',
  'unhandled',
] as const;

export type Kind = (typeof kinds)[number];

/** Whether an order of the kind `kind` fails at every attempt in the consumer of the queue `consumer`. */
export const isPoison = (kind: Kind, consumer: string): boolean =>
  kind === 'poison' || (consumer === 'points' && ['memory', 'loop', 'exit', 'unhandled'].includes(kind));

const kindOf = (customerId: string): Kind => customerId.slice(0, customerId.indexOf('.')) as Kind;

/** Wraps a consumer's business rule so that the rule fails, hangs or crashes for orders of certain kinds. */
export function misbehaving<T extends { readonly customerId: string }>(queue: string, decide: Decide<T>): Decide<T> {
  return (order, context) =>
    step(queue, 'decide', async () => {
      await suffer(kindOf(order.customerId), queue, context);
      return decide(order, context);
    });
}

async function suffer(kind: Kind, queue: string, { attempt, signal }: RuleContext): Promise<void> {
  const failures = Number(/^fails(\d)$/.exec(kind)?.[1] ?? 0);
  if (attempt <= failures) throw new Error(`the test makes attempt ${attempt} of the message fail`);
  if (kind === 'hangs' && attempt === 1)
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
  if (kind === 'poison') throw new PermanentError('POISON', 'the test lets this message fail permanently');
  if (kind === 'broken' && queue === 'stock' && readSabotage().isFailing)
    throw new PermanentError('JAMMED', 'the test lets this message fail permanently while isFailing is set');
  if (queue !== 'points') return;
  takeDown(kind);
  // The unhandled rejection ends the process, so the rule must not continue.
  if (kind === 'unhandled') await sleep(5_000);
}

const ballast: unknown[] = [];

function takeDown(kind: Kind): void {
  switch (kind) {
    case 'memory':
      for (;;) ballast.push(Array.from({ length: 100_000 }, (_, index) => ({ index })));
    case 'loop':
      for (;;) ballast.length = 0;
    case 'exit':
      process.exit(3);
    case 'unhandled':
      void Promise.reject(new Error('nobody handles this'));
  }
}
