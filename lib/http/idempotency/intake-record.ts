import {
  ConditionalCheckFailedException,
  PutItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';

import type { Surehop } from '../../runtime/surehop.ts';
import { sendToDynamo } from '../../dynamodb/send.ts';
import { store, tableName } from '../../dynamodb/store.ts';
import { inboxSettings } from '../../inbox/settings.ts';
import { brokerSettings } from '../../rabbitmq/settings.ts';
import type { Table } from '../../dynamodb/tables.ts';
import { guarded } from '../breaker.ts';
import { hashOf } from './canonical.ts';
import { Problem } from '../problem.ts';

/** For how long one step waits for the store. */
const PATIENCE_MS = 500;

/** Days for which a key is remembered longer than the consumers remember its message. */
const LONGER_DAYS = 1;

/** Which request is taken in, and where its record stands. */
export interface Intake {
  readonly surehop: Surehop;
  readonly table: Table;
  readonly key: Readonly<Record<string, string>>;
  readonly payload: unknown;
  readonly client: string;
}

/**
 * Takes the key for this request, or tells that it was accepted before; a problem where the key is another payload's, or
 * one with it is under way. What died under way gives the key up when its time has run out.
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
      store.send(
        new PutItemCommand({
          TableName: tableName(surehop, table),
          Item: {
            ...attributes(key),
            payloadHash: { S: payloadHash },
            status: { S: 'publishing' },
            claimedAt: { S: new Date(nowMs).toISOString() },
            busyUntilMs: { N: String(nowMs + PUBLISH_DEADLINE_MS + 3 * PATIENCE_MS) },
            client: { S: client },
            expiresAt: { N: String(nowSeconds + (INBOX_RETENTION_DAYS + LONGER_DAYS) * 86_400) },
          },
          ConditionExpression:
            'attribute_not_exists(payloadHash) OR expiresAt < :now OR ' +
            '(payloadHash = :hash AND #status <> :accepted AND (attribute_not_exists(busyUntilMs) OR busyUntilMs < :nowMs))',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':now': { N: String(nowSeconds) },
            ':nowMs': { N: String(nowMs) },
            ':hash': { S: payloadHash },
            ':accepted': { S: 'accepted' },
          },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
        { abortSignal },
      ),
    );
    return 'claimed';
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException && error.Item) return judge(error.Item, payloadHash);
    throw error;
  }
}

/** What the record of an earlier request with the same key says to this one. */
function judge(record: Record<string, AttributeValue>, payloadHash: string): 'accepted' {
  if (record.payloadHash?.S !== payloadHash)
    throw new Problem('idempotency-key-reused', 'Send another body with an Idempotency-Key of its own.');
  if (record.status?.S === 'accepted') return 'accepted';
  throw new Problem('request-in-progress', 'Wait for its answer, or send this one again in a moment.');
}

/** Notes that the message was confirmed. The first confirm is the one that counts. */
export const markAccepted = (intake: Intake): Promise<void> =>
  update(intake, {
    UpdateExpression: 'SET #status = :accepted, acceptedAt = if_not_exists(acceptedAt, :now)',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: {
      ':accepted': { S: 'accepted' },
      ':now': { S: new Date(intake.surehop.clock.now()).toISOString() },
    },
  });

/** Gives the key up, so that the request can be sent again at once. */
export const giveUpKey = (intake: Intake): Promise<void> => update(intake, { UpdateExpression: 'REMOVE busyUntilMs' });

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
    sendToDynamo((client) => request(client, AbortSignal.timeout(PATIENCE_MS)), store(surehop)),
  );

const attributes = (key: Intake['key']): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(key).map(([name, value]) => [name, { S: value }]));
