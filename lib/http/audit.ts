import { UpdateItemCommand, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';

import { expiryAfter } from '../dynamodb/item.ts';
import { putOnce } from '../dynamodb/put-once.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import { store, tableName } from '../dynamodb/store.ts';
import { describeError, isInstance } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import { errorFields } from '../runtime/stack.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { auditTable } from '../dynamodb/toolkit-tables.ts';
import { Problem } from './problem.ts';
import type { Request } from './request.ts';
import { httpSettings } from './settings.ts';

/** The schema of the reason that an operator must give for a change. */
export const reason = z.string().trim().min(1).max(1_000);

/** An operator's change, such as the redrive of a dead letter, as the audit record describes it. */
export interface OperatorChange {
  /** The object that the operator changes, such as `dead-letters/17`. */
  readonly subject: string;
  /** The parameters of the operator's request, without secrets. */
  readonly requested?: object;
  readonly reason?: string;
}

/**
 * Writes an audit record of a change that an operator requested, runs the change, and adds the outcome to the audit
 * record. The change does not run if the audit record cannot be written.
 */
export async function audited<T>(
  { surehop, id, client, route }: Pick<Request, 'surehop' | 'id' | 'client' | 'route'>,
  { subject, requested, reason }: OperatorChange,
  change: () => Promise<T>,
): Promise<T> {
  const { record, put } = recordOf({ surehop, id, client, route }, { subject, requested, reason }, 'started');
  await sendToDynamo((client) => putOnce(client, put), store(surehop));
  try {
    const result = await change();
    await recordOutcome(surehop, id, record, 'succeeded');
    return result;
  } catch (error) {
    const code = isInstance(error, Problem) ? error.problem : describeError(error).code;
    await recordOutcome(surehop, id, record, `failed: ${code}`);
    throw error;
  }
}

/**
 * Returns a write that adds an audit record to the DynamoDB transaction of a change, so that the record exists only if
 * the change was made. After the transaction, call `log` to log the audit record too.
 */
export function auditWrite(
  request: Pick<Request, 'surehop' | 'id' | 'client' | 'route'>,
  change: OperatorChange,
): { readonly write: TransactWriteItem; readonly log: () => void } {
  const { record, put } = recordOf(request, change, 'succeeded');
  return {
    write: { Put: put },
    log: () => log().info('audit', { requestId: request.id, ...record, outcome: 'succeeded' }),
  };
}

function recordOf(
  { surehop, id, client, route }: Pick<Request, 'surehop' | 'id' | 'client' | 'route'>,
  { subject, requested, reason }: OperatorChange,
  outcome: string,
) {
  const nowMs = surehop.clock.now();
  const { AUDIT_RETENTION_DAYS } = surehop.settings(httpSettings);
  const record = { actor: client, action: `${route} ${subject}`, at: new Date(nowMs).toISOString() };
  const put = {
    TableName: tableName(surehop, auditTable),
    Item: {
      id: { S: id },
      actor: { S: record.actor },
      action: { S: record.action },
      at: { S: record.at },
      reason: { S: reason ?? 'no reason given' },
      ...(requested && { requested: { S: JSON.stringify(requested) } }),
      outcome: { S: outcome },
      expiresAt: { N: expiryAfter(AUDIT_RETENTION_DAYS, nowMs) },
    },
    ConditionExpression: 'attribute_not_exists(id)',
  };
  return { record, put };
}

async function recordOutcome(surehop: Surehop, id: string, record: object, outcome: string): Promise<void> {
  log().info('audit', { requestId: id, ...record, outcome });
  const update = new UpdateItemCommand({
    TableName: tableName(surehop, auditTable),
    Key: { id: { S: id } },
    UpdateExpression: 'SET outcome = :outcome',
    ExpressionAttributeValues: { ':outcome': { S: outcome } },
  });
  try {
    await sendToDynamo((client) => client.send(update), store(surehop));
  } catch (error) {
    recordMetrics({ AuditOutcomeUnwritten: 1 });
    log().error("adding the outcome of an operator's change to the audit record failed", {
      requestId: id,
      ...errorFields(error),
    });
  }
}
