import { randomUUID } from 'node:crypto';

import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';

import { CodedError } from '../runtime/errors.ts';
import type { Surehop } from '../runtime/surehop.ts';
import type { Effect } from './effects.ts';
import { meaningOf, readFailure, tableError, toStoreError } from './failure.ts';
import { describeItem } from './item.ts';
import { addOperation, changesOf, type Operation } from './operation.ts';
import { reportMisconfigured } from './report-misconfigured.ts';
import { backOff, defaultRetryPolicy } from './retry-policy.ts';
import { storeSettings } from './settings.ts';
import { store } from './store.ts';
import { toWrite } from './write.ts';

/** The maximum number of times that the write is sent if DynamoDB cancels it because of a conflict or throttles it. */
const MAX_TRANSACTIONS = 5;

/**
 * Writes an effect on one item outside of a consumer, for example in an HTTP handler. Throws an error with a code that
 * docs/guides/troubleshooting.md explains, for example `CONDITION_FAILED` if the condition of the effect does not hold.
 */
export async function writeItem(surehop: Surehop, effect: Effect): Promise<void> {
  const operations = new Map<string, Operation>();
  addOperation(effect, operations);
  const [operation] = [...operations.values()] as [Operation];
  const { TABLE_PREFIX } = surehop.settings(storeSettings);
  const write = toWrite(operation, changesOf(operation), operation.conditions, TABLE_PREFIX);
  const place = () => `${effect.kind} on ${describeItem(operation.table, operation.key)}`;
  for (let count = 1; ; count += 1)
    try {
      // If a reply is lost, the AWS SDK sends the request again. Because of the token, DynamoDB then writes only once.
      const transaction = { TransactItems: [write], ClientRequestToken: randomUUID() };
      await store(surehop).send(new TransactWriteItemsCommand(transaction));
      return;
    } catch (error) {
      const failure = readFailure(error);
      const reason = (failure.is === 'cancelled' && failure.reasons[0]) || {};
      const meaning = meaningOf(reason);
      if (meaning === 'condition-failed')
        throw new CodedError('CONDITION_FAILED', `the condition of ${place()} does not hold`, { cause: error });
      if (meaning === 'invalid') {
        const text = reason.Message ?? reason.Code;
        throw new CodedError('INVALID_EFFECT', `DynamoDB refuses ${place()}: ${text}`, { cause: error });
      }
      if (meaning === 'misconfigured') throw reportMisconfigured(tableError(reason, TABLE_PREFIX + operation.table));
      // A cancelled transaction has written nothing. Its further causes are conflicts and throttling.
      if (failure.is !== 'cancelled' || count === MAX_TRANSACTIONS) throw toStoreError(error);
      await backOff(count, defaultRetryPolicy);
    }
}
