import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';
import { conditionalWrite } from '../dynamodb/retry-policy.ts';
import type { Handoff } from './inbox.ts';
import { handoffItem } from './marker.ts';
import type { InboxTable } from './table.ts';

const CONCURRENT_REQUESTS = 16;

/** Returns the DynamoDB condition under which the inbox marker of an earlier attempt may be replaced. */
const isEarlierAttempt = (leaseOwner: string | undefined) =>
  `((#state = :retrying OR (#state = :leased AND (#until <= :now${leaseOwner ? ' OR #owner = :owner' : ''}))) AND ` +
  '(attribute_not_exists(#attempt) OR ' +
  '#redrives < :redrives OR (#redrives = :redrives AND #attempt < :attempt))) OR ' +
  '(#state = :dead AND #redrives < :redrives)';

/**
 * The DynamoDB condition that holds if an earlier attempt of the same request has already recorded the dead letter and
 * only its reply was lost.
 */
const IS_SAME_CLAIM =
  '(#state = :dead AND #redrives = :redrives AND #attempt = :attempt AND #hash = :hash AND #code = :code AND ' +
  'attribute_exists(#pending))';

async function write(
  { client, clock, retryPolicy, name, expiresAt }: InboxTable,
  queue: string,
  handoff: Handoff,
  isPending: boolean,
): Promise<boolean> {
  const nowMs = clock.now();
  const at = new Date(nowMs).toISOString();
  const Item = handoffItem(queue, handoff, at, expiresAt(), isPending);
  const { leaseOwner } = handoff;
  const isDead = handoff.state === 'dead-lettered';
  const command = new PutItemCommand({
    TableName: name,
    Item,
    ConditionExpression: `attribute_not_exists(#pk) OR ${isEarlierAttempt(leaseOwner)}${isDead ? ` OR ${IS_SAME_CLAIM}` : ''}`,
    ExpressionAttributeNames: {
      '#pk': 'pk',
      '#state': 'state',
      '#redrives': 'redrives',
      '#attempt': 'attempt',
      '#until': 'leaseExpiresAtMs',
      ...(leaseOwner && { '#owner': 'owner' }),
      ...(isDead && { '#hash': 'payloadHash', '#code': 'code', '#pending': 'pending' }),
    },
    ExpressionAttributeValues: {
      ':retrying': { S: 'retrying' },
      ':dead': { S: 'dead-lettered' },
      ':leased': { S: 'leased' },
      ':now': { N: String(nowMs) },
      ':redrives': Item['redrives']!,
      ':attempt': Item['attempt']!,
      ...(leaseOwner && { ':owner': { S: leaseOwner } }),
      ...(isDead && { ':hash': Item['payloadHash']!, ':code': Item['code']! }),
    },
  });
  return conditionalWrite(() => client.send(command), retryPolicy);
}

export async function recordHandoffs(table: InboxTable, queue: string, handoffs: readonly Handoff[]): Promise<void> {
  await pMap(handoffs, (handoff) => write(table, queue, handoff, false), { concurrency: CONCURRENT_REQUESTS });
}

export const writeClaims = (table: InboxTable, queue: string, handoffs: readonly Handoff[]): Promise<boolean[]> =>
  pMap(handoffs, (handoff) => write(table, queue, handoff, true), { concurrency: CONCURRENT_REQUESTS });
