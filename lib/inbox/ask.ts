import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { config } from '../config.ts';
import { StoreUnavailableError } from '../errors.ts';
import { readAnswer } from './answer.ts';
import { store } from './store.ts';

/** Sends what `send` asks for to the store; a store that is away, slow or overloaded is a `StoreUnavailableError`. */
export async function ask<T>(send: (client: DynamoDBClient) => Promise<T>): Promise<T> {
  try {
    return await send(store());
  } catch (error) {
    throw isAway(error) ? new StoreUnavailableError({ cause: error }) : error;
  }
}

/** DynamoDB says of its refusals that they are the client's fault; whatever says nothing of the kind gave no answer. */
const isAway = (error: unknown): boolean =>
  readAnswer(error).is === 'busy' || (error as { $fault?: unknown } | undefined)?.$fault !== 'client';

/** A table's full name. */
export const tableName = (name: string): string => config().TABLE_PREFIX + name;
