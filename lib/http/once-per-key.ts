import {
  ConditionalCheckFailedException,
  PutItemCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';

import { systemClock } from '../clock.ts';
import { config } from '../config.ts';
import { describeError } from '../errors.ts';
import { tableName } from '../inbox/ask.ts';
import { store } from '../inbox/store.ts';
import { log } from '../log.ts';
import { count } from '../metrics.ts';
import { hashOf } from './canonical.ts';
import { Problem } from './problem.ts';

/** For how long one step waits for the store: the record is an aid, and intake goes on without it. */
const PATIENCE_MS = 500;

/** Which request is taken in, and where its record stands. */
export interface Intake {
  /** Without its prefix. */
  readonly table: string;
  readonly key: Readonly<Record<string, string>>;
  readonly payload: unknown;
  readonly client: string;
}

/**
 * Publishes for an idempotency key: at once for a new one, not again for one whose publish was confirmed, and again for
 * one whose publish nobody saw confirmed, which is harmless under the same message id. A key that came with another
 * payload before is a problem. Where the store is away it publishes all the same; the consumers know a duplicate.
 */
export async function oncePerKey(intake: Intake, publish: () => Promise<void>): Promise<void> {
  const claim = await claimKey(intake);
  if (claim === 'accepted') return;
  await publish();
  if (claim === 'claimed') await markAccepted(intake);
}

type Claim = 'claimed' | 'accepted' | 'unknown';

async function claimKey({ table, key, payload, client }: Intake): Promise<Claim> {
  const payloadHash = hashOf(payload);
  const nowMs = systemClock.now();
  try {
    await store().send(
      new PutItemCommand({
        TableName: tableName(table),
        Item: {
          ...attributes(key),
          payloadHash: { S: payloadHash },
          status: { S: 'publishing' },
          claimedAt: { S: new Date(nowMs).toISOString() },
          client: { S: client },
          expiresAt: { N: String(Math.floor(nowMs / 1_000) + config().INBOX_RETENTION_DAYS * 86_400) },
        },
        ConditionExpression: 'attribute_not_exists(payloadHash)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
      { abortSignal: AbortSignal.timeout(PATIENCE_MS) },
    );
    return 'claimed';
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException && error.Item) return judge(error.Item, payloadHash);
    return withoutRecord(error);
  }
}

/** What the record of an earlier request with the same key says to this one. */
function judge(record: Record<string, AttributeValue>, payloadHash: string): Claim {
  if (record.payloadHash?.S !== payloadHash)
    throw new Problem('idempotency-key-reused', 'Send another body with an Idempotency-Key of its own.');
  return record.status?.S === 'accepted' ? 'accepted' : 'claimed';
}

async function markAccepted({ table, key }: Intake): Promise<void> {
  try {
    await store().send(
      new UpdateItemCommand({
        TableName: tableName(table),
        Key: attributes(key),
        // The first confirm is the one that counts.
        UpdateExpression: 'SET #status = :accepted, acceptedAt = if_not_exists(acceptedAt, :now)',
        ConditionExpression: 'attribute_exists(payloadHash)',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: {
          ':accepted': { S: 'accepted' },
          ':now': { S: new Date(systemClock.now()).toISOString() },
        },
      }),
      { abortSignal: AbortSignal.timeout(PATIENCE_MS) },
    );
  } catch (error) {
    withoutRecord(error);
  }
}

function withoutRecord(error: unknown): Claim {
  count('IntakeRecordUnavailable');
  log().warn('intake goes on without its record', { because: describeError(error) });
  return 'unknown';
}

const attributes = (key: Intake['key']): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(key).map(([name, value]) => [name, { S: value }]));
