import {
  ConditionalCheckFailedException,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';

import type { Surehop } from '../../runtime/surehop.ts';
import { expiryAfter } from '../../dynamodb/item.ts';
import { putOnce } from '../../dynamodb/put-once.ts';
import { sendToDynamo } from '../../dynamodb/send.ts';
import { store, tableName } from '../../dynamodb/store.ts';
import { inboxSettings } from '../../inbox/settings.ts';
import { brokerSettings } from '../../rabbitmq/settings.ts';
import type { AnyTable } from '../../dynamodb/tables.ts';
import { guarded } from '../breaker.ts';
import { hashOf } from './canonical.ts';
import { Problem } from '../problem.ts';

/** How long one request to DynamoDB may take, in ms. */
const REQUEST_TIMEOUT_MS = 500;

const EXTRA_DAYS = 1;

/** A request with an idempotency key. `table` and `key` identify the DynamoDB item of the idempotency key. */
export interface Intake {
  readonly surehop: Surehop;
  readonly table: AnyTable;
  readonly key: Readonly<Record<string, string>>;
  readonly payload: unknown;
  readonly client: string;
}

/**
 * Reserves the idempotency key for this request, or returns `accepted` if an earlier request with the key was accepted.
 * Throws a `Problem` if the key was used with another payload, or if another request with the key is in progress.
 */
export async function claimKey(intake: Intake): Promise<'claimed' | 'accepted'> {
  const { surehop, table, key, payload, client } = intake;
  const { PUBLISH_DEADLINE_MS } = surehop.settings(brokerSettings);
  const { INBOX_RETENTION_DAYS } = surehop.settings(inboxSettings);
  const payloadHash = hashOf(payload);
  const nowMs = surehop.clock.now();
  const nowSeconds = Math.floor(nowMs / 1_000);
  try {
    await send(surehop, (store, abortSignal) =>
      putOnce(
        store,
        {
          TableName: tableName(surehop, table),
          Item: {
            ...attributes(key),
            payloadHash: { S: payloadHash },
            status: { S: 'publishing' },
            claimedAt: { S: new Date(nowMs).toISOString() },
            claimedUntilMs: { N: String(nowMs + PUBLISH_DEADLINE_MS + 3 * REQUEST_TIMEOUT_MS) },
            client: { S: client },
            expiresAt: { N: expiryAfter(INBOX_RETENTION_DAYS + EXTRA_DAYS, nowMs) },
          },
          ConditionExpression:
            'attribute_not_exists(payloadHash) OR expiresAt < :now OR ' +
            '(payloadHash = :hash AND #status <> :accepted AND (attribute_not_exists(claimedUntilMs) OR claimedUntilMs < :nowMs))',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':now': { N: String(nowSeconds) },
            ':nowMs': { N: String(nowMs) },
            ':hash': { S: payloadHash },
            ':accepted': { S: 'accepted' },
          },
        },
        { abortSignal },
      ),
    );
    return 'claimed';
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException && error.Item) return resultOf(error.Item, payloadHash);
    throw error;
  }
}

function resultOf(record: Record<string, AttributeValue>, payloadHash: string): 'accepted' {
  if (record.payloadHash?.S !== payloadHash)
    throw new Problem('idempotency-key-reused', 'Use a new Idempotency-Key for a different body.');
  if (record.status?.S === 'accepted') return 'accepted';
  throw new Problem('request-in-progress', 'Wait for its response, or send this request again in a second.');
}

/**
 * Records in DynamoDB that the broker has confirmed the message of a request with an idempotency key. If the message is
 * confirmed again after a repetition of the request, the time of the first confirm is kept.
 */
export const markAccepted = (intake: Intake): Promise<void> =>
  update(intake, {
    UpdateExpression: 'SET #status = :accepted, acceptedAt = if_not_exists(acceptedAt, :now)',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: {
      ':accepted': { S: 'accepted' },
      ':now': { S: new Date(intake.surehop.clock.now()).toISOString() },
    },
  });

/** Ends the reservation of the idempotency key, so that the client can repeat the request immediately. */
export const releaseKey = (intake: Intake): Promise<void> =>
  update(intake, { UpdateExpression: 'REMOVE claimedUntilMs' });

async function update({ surehop, table, key }: Intake, change: Partial<UpdateItemCommandInput>): Promise<void> {
  await send(surehop, (store, abortSignal) =>
    store.send(
      new UpdateItemCommand({
        TableName: tableName(surehop, table),
        Key: attributes(key),
        ConditionExpression: 'attribute_exists(payloadHash)',
        ...change,
      }),
      { abortSignal },
    ),
  );
}

const send = <T>(
  surehop: Surehop,
  request: (client: DynamoDBClient, abortSignal: AbortSignal) => Promise<T>,
): Promise<T> =>
  guarded(surehop, 'store', () =>
    sendToDynamo((client) => request(client, AbortSignal.timeout(REQUEST_TIMEOUT_MS)), store(surehop)),
  );

const attributes = (key: Intake['key']): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(key).map(([name, value]) => [name, { S: value }]));
