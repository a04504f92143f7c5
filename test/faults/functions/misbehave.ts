import { setTimeout as sleep } from 'node:timers/promises';

import type { Decide, RuleContext } from '../../../lib/consumer/rule.ts';
import { PermanentError } from '../../../lib/runtime/errors.ts';
import { readSabotage, step } from './sabotage.ts';

/** What an order does to its consumer: it stands at the beginning of its customer's id. */
export const kinds = [
  'sound',
  'soldout',
  /** Fails so many times, then succeeds: `fails1` to `fails3`. */
  'fails1',
  'fails2',
  'fails3',
  /** Its rule does not end by itself. */
  'hangs',
  /** Fails for good. */
  'poison',
  /** Fails for good while the runner wants it so, at the stock only. */
  'jam',
  /** Takes the runtime of the points down, each time. */
  'memory',
  'loop',
  'exit',
  'unhandled',
] as const;

export type Kind = (typeof kinds)[number];

/** Kinds that no attempt can help. */
export const isPoison = (kind: Kind, consumer: string): boolean =>
  kind === 'poison' || (consumer === 'points' && ['memory', 'loop', 'exit', 'unhandled'].includes(kind));

const kindOf = (customerId: string): Kind => customerId.slice(0, customerId.indexOf('.')) as Kind;

/** A rule that does to its process what its order says. */
export function misbehaving<T extends { readonly customerId: string }>(queue: string, decide: Decide<T>): Decide<T> {
  return (order, context) =>
    step(queue, 'decide', async () => {
      await suffer(kindOf(order.customerId), queue, context);
      return decide(order, context);
    });
}

async function suffer(kind: Kind, queue: string, { attempt, signal }: RuleContext): Promise<void> {
  const failures = Number(/^fails(\d)$/.exec(kind)?.[1] ?? 0);
  if (attempt <= failures) throw new Error(`attempt ${attempt} fails, as ordered`);
  if (kind === 'hangs' && attempt === 1)
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
  if (kind === 'poison') throw new PermanentError('POISON', 'fails for good, as ordered');
  if (kind === 'jam' && queue === 'stock' && readSabotage().isJammed)
    throw new PermanentError('JAMMED', 'fails for good while it is jammed');
  if (queue !== 'points') return;
  takeDown(kind);
  // The process ends once nobody has handled the rejection; what comes after this must not be reached.
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
