import {
  ConditionalCheckFailedException,
  GetItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type AttributeValue,
  type QueryCommandInput,
} from '@aws-sdk/client-dynamodb';

import { expiryAfter } from '../dynamodb/item.ts';
import { putOnce } from '../dynamodb/put-once.ts';
import { sendToDynamo } from '../dynamodb/send.ts';
import { Problem } from '../http/problem.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';
import type { Filter } from './list.ts';
import { nameOf, type ArchiveTable, type Attributes } from '../archive/record.ts';

/** The request of an operator for a job that redrives or discards many dead letters. */
export interface JobOrder {
  readonly action: 'redrive' | 'discard';
  /**
   * The ids of the dead letters to redrive or discard. If absent, the job selects all open dead letters that match the
   * filter.
   */
  readonly ids?: readonly string[];
  readonly filter?: Omit<Filter, 'status'>;
  readonly maximum: number;
  readonly force: boolean;
  readonly ratePerSecond: number;
  readonly reason: string;
  readonly requestedBy: string;
}

/** What is known about the dead letters of a job when the job is created. */
export interface JobScope {
  /** How many dead letters the job is for. Absent if there were too many dead letters to count. */
  readonly total?: number;
  /** The group that the filter of the job names. Absent if the filter names no group, or a group without dead letters. */
  readonly group?: { readonly queue?: string; readonly code: string; readonly cause: string };
}

export interface JobProgress {
  readonly done: number;
  readonly failed: number;
  /** How many dead letters the job neither redrove nor discarded, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** The last error. */
  readonly error?: string;
}

type JobStatus = 'running' | 'done' | 'cancelled';

export interface Job extends JobScope {
  readonly id: string;
  readonly order: JobOrder;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly status: JobStatus;
  readonly progress: JobProgress;
  /** The position of the job in its list of dead letters. Absent before the first step of the job. */
  readonly position?: string;
}

const JOB_PART = '-2';

const JOB_KIND = 'job';

const keyOf = (id: string): Attributes => ({ id: { S: id }, part: { N: JOB_PART } });

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
  const put = {
    TableName: nameOf(table),
    Item: {
      ...keyOf(id),
      kind: { S: JOB_KIND },
      listedAt: { S: `${at}#${id}` },
      order: { S: JSON.stringify(order) },
      ...(total !== undefined && { total: { N: String(total) } }),
      ...(group && { group: { S: JSON.stringify(group) } }),
      createdAt: { S: at },
      updatedAt: { S: at },
      status: { S: job.status },
      progress: { S: JSON.stringify(progress) },
      expiresAt: { N: expiryAfter(table.retentionDays, nowMs) },
    },
    ConditionExpression: 'attribute_not_exists(id)',
  };
  await sendToDynamo((client) => putOnce(client, put), table.client);
  return job;
}

export async function readJob(table: ArchiveTable, id: string): Promise<Job> {
  const get = new GetItemCommand({ TableName: nameOf(table), Key: keyOf(id), ConsistentRead: true });
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
    Key: keyOf(id),
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

/** Returns the jobs in DynamoDB items, without a job whose item is invalid, because it must not stop the other jobs. */
const readable = (items: readonly Attributes[]): Job[] =>
  items.flatMap((item) => {
    try {
      return [fromItem(item)];
    } catch (error) {
      log().error('job cannot be read', { jobId: item.id?.S, ...errorFields(error) });
      return [];
    }
  });

function fromItem(item: Attributes): Job {
  const text = (name: string) => item[name]?.S ?? '';
  return {
    id: text('id'),
    order: JSON.parse(text('order')) as JobOrder,
    createdAt: text('createdAt'),
    updatedAt: text('updatedAt'),
    status: text('status') as JobStatus,
    progress: JSON.parse(text('progress')) as JobProgress,
    position: item.position?.S,
    // A job of an earlier release has neither of these attributes.
    total: item.total?.N === undefined ? undefined : Number(item.total.N),
    group: item.group?.S === undefined ? undefined : (JSON.parse(item.group.S) as JobScope['group']),
  };
}
