import * as z from 'zod';

import { tables } from './example/tables.ts';
import { exchanges, queues } from './example/topology.ts';
import type { ConsumerDefinition } from '../../lib/consumer/consumer.ts';
import type { RuleContext } from '../../lib/message/rule.ts';
import { PermanentError, RetryAfterError } from '../../lib/runtime/errors.ts';
import { defineEvent, type Payload } from '../../lib/events/define.ts';
import { emit, type Decision } from '../../lib/inbox/decision.ts';

/** An event whose field `behave` selects what the test consumer does, for example that it rejects the event. */
export const scriptedEvent = defineEvent({
  type: 'test.scripted',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({
    isbn: z.string(),
    number: z.int().optional(),
    behave: z.enum(['well', 'reject', 'permanent', 'retry-after', 'transient', 'hang', 'conflict']).default('well'),
  }),
});

/** Adds 1 to the loans of a book, unless the field `behave` of the event asks for a failure or a rejection. */
async function decide({ isbn, behave }: Payload<typeof scriptedEvent>, signal: AbortSignal): Promise<Decision> {
  const add = { kind: 'add', table: tables.loans, key: { isbn }, attribute: 'available', by: 1 } as const;
  switch (behave) {
    case 'permanent':
      throw new PermanentError('NEVER', 'this will never do');
    case 'retry-after':
      throw new RetryAfterError('LATER', 'in about four seconds', 3_900);
    case 'transient':
      throw new Error('not this time');
    case 'hang':
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      break;
    case 'conflict':
      return { effects: [{ ...add, by: -1_000_000, atLeast: 0 }] };
    case 'reject':
      return {
        effects: [{ ...add, by: -1_000_000, atLeast: 0 }],
        otherwise: { outcome: 'rejected', reason: 'TOO_MUCH', effects: [], events: [emit(rejection, { isbn })] },
      };
  }
  return { effects: [add] };
}

const rejection = defineEvent({
  type: 'loan.rejected',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({ isbn: z.string() }),
});

export const scriptedConsumer = {
  queue: queues.loans,
  event: scriptedEvent,
  decide: (event: Payload<typeof scriptedEvent>, { signal }: RuleContext) => decide(event, signal),
} satisfies ConsumerDefinition<Payload<typeof scriptedEvent>>;
