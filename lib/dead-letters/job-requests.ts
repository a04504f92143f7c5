import {
  ConditionalCheckFailedException,
  GetItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type AttributeValue,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';

import { putOnce } from '../dynamodb/put-once.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import { Problem } from '../http/problem.ts';
import { nameOf, type ArchiveTable } from '../archive/record.ts';
import {
  fromItem,
  JOB_KIND,
  jobKey,
  readable,
  toItem,
  type Job,
  type JobOrder,
  type JobProgress,
  type JobScope,
  type JobStatus,
} from './job.ts';

export async function createJob(
  table: ArchiveTable,
  id: string,
  order: JobOrder,
  nowMs: number,
  { total, group }: JobScope = {},
): Promise<Job> {
  const at = new Date(nowMs).toISOString();
  const progress: JobProgress = { done: 0, failed: 0, skipped: {} };
  const job: Job = { id, order, createdAt: at, updatedAt: at, status: 'running', progress, total, group };
  const Item = toItem(job, table.retentionDays, nowMs);
  const put = { TableName: nameOf(table), Item, ConditionExpression: 'attribute_not_exists(id)' };
  await sendToDynamo((client) => putOnce(client, put), table.client);
  return job;
}

export async function readJob(table: ArchiveTable, id: string): Promise<Job> {
  const get = new GetItemCommand({ TableName: nameOf(table), Key: jobKey(id), ConsistentRead: true });
  const { Item: item } = await sendToDynamo((client) => client.send(get), table.client);
  if (!item) throw new Problem('not-found', 'There is no job with this id.');
  return fromItem(item);
}

/**
 * Returns the most recent jobs and all older jobs that are still running, newest first. A job that was started moments
 * ago may be missing.
 */
export async function listJobs(table: ArchiveTable, newest: number): Promise<readonly Job[]> {
  const query = new QueryCommand({ ...allJobs(table), ScanIndexForward: false, Limit: newest });
  const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo(
    (client) => client.send(query),
    table.client,
  );
  const older = last ? await runningJobs(table, { ScanIndexForward: false, ExclusiveStartKey: last }) : [];
  return [...readable(items), ...older];
}

/** Returns all running jobs, oldest first. A job that was started moments ago may be missing. */
export const listRunningJobs = (table: ArchiveTable): Promise<readonly Job[]> =>
  runningJobs(table, { ScanIndexForward: true });

const allJobs = (table: ArchiveTable) => ({
  TableName: nameOf(table),
  IndexName: 'newest',
  KeyConditionExpression: 'kind = :kind',
  ExpressionAttributeValues: { ':kind': { S: JOB_KIND } },
});

async function runningJobs(
  table: ArchiveTable,
  start: Pick<QueryCommandInput, 'ScanIndexForward' | 'ExclusiveStartKey'>,
): Promise<readonly Job[]> {
  const { ExpressionAttributeValues: values, ...all } = allJobs(table);
  const jobs: Job[] = [];
  let from = start.ExclusiveStartKey;
  do {
    const query = new QueryCommand({
      ...all,
      ...start,
      FilterExpression: '#status = :running',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: { ...values, ':running': { S: 'running' } },
      ExclusiveStartKey: from,
    });
    const { Items: items = [], LastEvaluatedKey: last } = await sendToDynamo(
      (client) => client.send(query),
      table.client,
    );
    jobs.push(...readable(items));
    from = last;
  } while (from);
  return jobs;
}

/**
 * Leases a running job to one process. Returns `undefined` if the job is not running, or if another process has leased
 * it.
 */
export const leaseJob = (table: ArchiveTable, id: string, owner: string, nowMs: number, untilMs: number) =>
  update(table, id, 'SET leaseOwner = :owner, leasedUntilMs = :until', {
    condition:
      '#status = :running AND (attribute_not_exists(leasedUntilMs) OR leasedUntilMs < :now OR leaseOwner = :owner)',
    values: {
      ':owner': { S: owner },
      ':until': { N: String(untilMs) },
      ':now': { N: String(nowMs) },
      ':running': { S: 'running' },
    },
  });

export interface JobStep {
  readonly status: Extract<JobStatus, 'running' | 'done'>;
  readonly progress: JobProgress;
  readonly position?: string;
}

/**
 * Stores the result of a step of a job, and extends the lease on the job to `untilMs`. A job that an operator cancelled
 * during the step stays cancelled. Returns the job, or `undefined` if another process has leased the job.
 */
export async function recordStep(
  table: ArchiveTable,
  id: string,
  owner: string,
  { status, progress, position }: JobStep,
  { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number },
): Promise<Job | undefined> {
  const values = {
    ':progress': { S: JSON.stringify(progress) },
    ':at': { S: new Date(nowMs).toISOString() },
    ':until': { N: String(untilMs) },
    ':owner': { S: owner },
    ...(position !== undefined && { ':position': { S: position } }),
  };
  const names = position === undefined ? undefined : { '#position': 'position' };
  const step = `SET progress = :progress, updatedAt = :at, leasedUntilMs = :until${position === undefined ? '' : ', #position = :position'}`;
  const running = await update(table, id, `${step}, #status = :status`, {
    condition: 'leaseOwner = :owner AND #status = :running',
    values: { ...values, ':status': { S: status }, ':running': { S: 'running' } },
    names: { '#status': 'status', ...names },
  });
  // What the step did is counted even if the job is cancelled.
  return running ?? update(table, id, step, { condition: 'leaseOwner = :owner', values, names: names ?? {} });
}

/** Cancels a job and returns it. Dead letters that the job has already redriven or discarded stay as they are. */
export async function cancelJob(table: ArchiveTable, id: string, nowMs: number): Promise<Job> {
  const cancelled = await update(table, id, 'SET #status = :cancelled, updatedAt = :at', {
    condition: '#status = :running',
    values: {
      ':cancelled': { S: 'cancelled' },
      ':running': { S: 'running' },
      ':at': { S: new Date(nowMs).toISOString() },
    },
  });
  return cancelled ?? readJob(table, id);
}

async function update(
  table: ArchiveTable,
  id: string,
  expression: string,
  {
    condition,
    values,
    names = { '#status': 'status' },
  }: {
    readonly condition: string;
    readonly values: Record<string, AttributeValue>;
    readonly names?: Record<string, string>;
  },
): Promise<Job | undefined> {
  const command = new UpdateItemCommand({
    TableName: nameOf(table),
    Key: jobKey(id),
    UpdateExpression: expression,
    ConditionExpression: condition,
    ExpressionAttributeNames: Object.keys(names).length > 0 ? names : undefined,
    ExpressionAttributeValues: values,
    ReturnValues: 'ALL_NEW',
  });
  try {
    const { Attributes: item } = await sendToDynamo((client) => client.send(command), table.client);
    return item && fromItem(item);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}
