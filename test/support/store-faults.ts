import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, TransactWriteItemsInput } from '@aws-sdk/client-dynamodb';

/** An error that a test injects into one DynamoDB transaction, either before or after DynamoDB commits it. */
export type Fault = { readonly when: 'before' | 'after'; readonly error: Error } | undefined;

export const named = (name: string, message = name): Error => Object.assign(new Error(message), { name });

/**
 * Creates a timeout error that the client gets after DynamoDB has committed the transaction, as if the response were
 * lost.
 */
export const answerLost = (): Fault => ({ when: 'after', error: named('TimeoutError', 'no answer in time') });

export const serverError = (): Fault => ({ when: 'before', error: named('InternalServerError') });

export const throttled = (): Fault => ({ when: 'before', error: named('ThrottlingException') });

/**
 * Creates the error of a cancelled DynamoDB transaction. The writes whose indexes are in `positions` have the
 * cancellation reason `code`.
 */
export function cancelled(code: string, positions: readonly number[], input: TransactWriteItemsInput): Fault {
  const reasons = (input.TransactItems ?? []).map((_, at) => ({ Code: positions.includes(at) ? code : 'None' }));
  const error = new TransactionCanceledException({ message: code, CancellationReasons: reasons, $metadata: {} });
  return { when: 'before', error };
}

/**
 * Makes the client send each write of one item twice, as the AWS SDK does if DynamoDB carries out the write but its reply
 * is lost. Returns the function that restores the client.
 */
export function sendWritesTwice({ middlewareStack }: DynamoDBClient): () => void {
  middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName === 'PutItemCommand') await next(args);
        return next(args);
      },
    { step: 'initialize', name: 'repeated' },
  );
  return () => void middlewareStack.remove('repeated');
}

export interface Faults {
  readonly sent: TransactWriteItemsInput[];
  /**
   * Returns the error to inject into a transaction. `at` is the number of transactions that the client has sent before.
   */
  plan: (input: TransactWriteItemsInput, at: number) => Fault | Promise<Fault>;
  /** The number of requests of any kind that the client has sent so far. */
  requests: number;
  remove(): void;
}

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
        // The store executes the transaction. Its response is discarded, whether it was a success or an error.
        await next(args).catch(() => undefined);
        throw fault.error;
      },
    { step: 'initialize', name },
  );
  return faults;
}
