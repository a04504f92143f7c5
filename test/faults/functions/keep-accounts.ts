import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { PermanentError } from '../../../lib/runtime/errors.ts';
import { accountEntered, accountsQueue, enter, type AccountEntry } from '../accounts.ts';
import { batchSteps, sabotagedDependencies, step } from './sabotage.ts';

const { name } = accountsQueue;

/** A consumer that adds entries to accounts, in order per account. */
export const handler = batchSteps(
  name,
  createConsumer(
    {
      queue: accountsQueue,
      event: accountEntered,
      orderBy: ({ account }: AccountEntry) => account,
      decide: (entry, { attempt }) =>
        step(name, 'decide', () => {
          if (entry.isPoison) throw new PermanentError('POISON', 'the test lets this message fail permanently');
          if (attempt <= entry.fails) throw new Error(`the test makes attempt ${attempt} of the message fail`);
          return enter(entry);
        }),
    },
    sabotagedDependencies(name),
  ),
);
