import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { PermanentError } from '../../../lib/runtime/errors.ts';
import { accountEntered, accountsQueue, enter, type AccountEntry } from '../accounts.ts';
import { batchSteps, sabotagedParts, step } from './sabotage.ts';

const { name } = accountsQueue;

/** A consumer that adds entries to accounts. It processes the entries of each account in order. */
export const handler = batchSteps(
  name,
  createConsumer(
    {
      queue: accountsQueue,
      event: accountEntered,
      orderBy: ({ account }: AccountEntry) => account,
      decide: (entry, { attempt }) =>
        step(name, 'decide', () => {
          if (entry.isPoison) throw new PermanentError('POISON', 'fails permanently on request of the test');
          if (attempt <= entry.fails) throw new Error(`attempt ${attempt} fails on request of the test`);
          return enter(entry);
        }),
    },
    sabotagedParts(name),
  ),
);
