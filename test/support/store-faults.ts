import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';

/** What happens to one transaction on its way: nothing, or an error before or after the store has done it. */
export type Fault = { readonly when: 'before' | 'after'; readonly error: Error } | undefined;

export const named = (name: string, message = name): Error => Object.assign(new Error(message), { name });

/** The answer of a store that did it, but was not heard. */
export const answerLost = (): Fault => ({ when: 'after', error: named('TimeoutError', 'no answer in time') });

/** An error of the server before anything was done. */
export const serverError = (): Fault => ({ when: 'before', error: named('InternalServerError') });

export const throttled = (): Fault => ({ when: 'before', error: named('ThrottlingException') });

/** A cancellation for which the item at each of `positions` is to blame. */
export function cancelled(code: string, positions: readonly number[], input: TransactWriteItemsInput): Fault {
  const reasons = (input.TransactItems ?? []).map((_, at) => ({ Code: positions.includes(at) ? code : 'None' }));
  const error = new TransactionCanceledException({ message: code, CancellationReasons: reasons, $metadata: {} });
  return { when: 'before', error };
}

export interface Faults {
  /** Transactions that were sent so far. */
  readonly sent: TransactWriteItemsInput[];
  /** Asked for each transaction; `at` counts from 0. */
  plan: (input: TransactWriteItemsInput, at: number) => Fault | Promise<Fault>;
  /** Counts requests of any kind. */
  requests: number;
  remove(): void;
}

/** Puts faults between a client and its store, and counts what passes. */
export function faultsOf(client: DynamoDBClient): Faults {
  const name = 'faults';
  const faults: Faults = {
    sent: [],
    plan: () => undefined,
    requests: 0,
    remove: () => void client.middlewareStack.remove(name),
  };
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        faults.requests++;
        if (commandName !== 'TransactWriteItemsCommand') return next(args);
        const input = args.input as TransactWriteItemsInput;
        const fault = await faults.plan(input, faults.sent.push(input) - 1);
        if (fault?.when === 'before') throw fault.error;
        if (fault === undefined) return next(args);
        // Whatever the answer was.
        await next(args).catch(() => undefined);
        throw fault.error;
      },
    { step: 'initialize', name },
  );
  return faults;
}
