import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';

import { describeError } from '../runtime/errors.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import { store, tableName } from '../dynamodb/store.ts';
import { defineTables } from '../dynamodb/tables.ts';
import { log } from '../runtime/log.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { count } from '../runtime/metrics.ts';
import { Problem } from './problem.ts';
import type { Request } from './request.ts';
import { httpSettings } from './settings.ts';

/** What an operator is about to change. */
export interface Change {
  /** As in `dead-letters/17`. */
  readonly subject: string;
  /** What is asked for, without what may be secret. */
  readonly wish?: object;
  /** In the operator's own words. */
  readonly why?: string;
}

const { audit: TABLE } = defineTables('audit');

/**
 * Makes a change of which a record is kept: who, what, when and why, written before it is begun, so that there is none
 * without; and how it ended, where that can still be written. Without the store there is no change.
 */
export async function audited<T>(
  { surehop, id, client, route }: Pick<Request, 'surehop' | 'id' | 'client' | 'route'>,
  { subject, wish, why }: Change,
  change: () => Promise<T>,
): Promise<T> {
  const nowMs = surehop.clock.now();
  const { AUDIT_RETENTION_DAYS } = surehop.settings(httpSettings);
  const record = { who: client, what: `${route} ${subject}`, at: new Date(nowMs).toISOString() };
  await sendToDynamo(
    (client) =>
      client.send(
        new PutItemCommand({
          TableName: tableName(surehop, TABLE),
          Item: {
            id: { S: id },
            who: { S: record.who },
            what: { S: record.what },
            at: { S: record.at },
            why: { S: why ?? 'no reason given' },
            ...(wish && { wish: { S: JSON.stringify(wish) } }),
            outcome: { S: 'begun' },
            expiresAt: { N: String(Math.floor(nowMs / 1_000) + AUDIT_RETENTION_DAYS * 86_400) },
          },
          ConditionExpression: 'attribute_not_exists(id)',
        }),
      ),
    store(surehop),
  );
  try {
    const result = await change();
    await noteOutcome(surehop, id, record, 'done');
    return result;
  } catch (error) {
    await noteOutcome(
      surehop,
      id,
      record,
      `failed: ${error instanceof Problem ? error.problem : describeError(error).code}`,
    );
    throw error;
  }
}

async function noteOutcome(surehop: Surehop, id: string, record: object, outcome: string): Promise<void> {
  log().info('audit', { requestId: id, ...record, outcome });
  try {
    await sendToDynamo(
      (client) =>
        client.send(
          new UpdateItemCommand({
            TableName: tableName(surehop, TABLE),
            Key: { id: { S: id } },
            UpdateExpression: 'SET outcome = :outcome',
            ExpressionAttributeValues: { ':outcome': { S: outcome } },
          }),
        ),
      store(surehop),
    );
  } catch (error) {
    count('AuditOutcomeUnwritten');
    log().error('the outcome of a change is not in the audit', { requestId: id, because: describeError(error) });
  }
}
