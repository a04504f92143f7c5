import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';

/** The fate of one transaction: no fault, or an error before or after the store commits the transaction. */
export type Fault = { readonly when: 'before' | 'after'; readonly error: Error } | undefined;

export const named = (name: string, message = name): Error => Object.assign(new Error(message), { name });

/** The store commits the transaction, and its answer is lost. */
export const answerLost = (): Fault => ({ when: 'after', error: named('TimeoutError', 'no answer in time') });

/** A server error before the transaction is committed. */
export const serverError = (): Fault => ({ when: 'before', error: named('InternalServerError') });

export const throttled = (): Fault => ({ when: 'before', error: named('ThrottlingException') });

/** A cancelled transaction in which the items at `positions` have the reason `code`. */
export function cancelled(code: string, positions: readonly number[], input: TransactWriteItemsInput): Fault {
  const reasons = (input.TransactItems ?? []).map((_, at) => ({ Code: positions.includes(at) ? code : 'None' }));
  const error = new TransactionCanceledException({ message: code, CancellationReasons: reasons, $metadata: {} });
  return { when: 'before', error };
}

export interface Faults {
  /** The transactions sent so far. */
  readonly sent: TransactWriteItemsInput[];
  /** Chooses the fault of each transaction; `at` is the number of transactions sent before. */
  plan: (input: TransactWriteItemsInput, at: number) => Fault | Promise<Fault>;
  /** The number of requests of any kind so far. */
  requests: number;
  remove(): void;
}

/** Injects faults into a client's transactions and counts the client's requests. */
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
