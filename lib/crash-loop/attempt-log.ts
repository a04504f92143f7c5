import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import pMap from 'p-map';

import { batchGet } from '../dynamodb/batch-get.ts';
import { withRetries } from '../dynamodb/retry-policy.ts';
import type { MessageId } from '../events/message-id.ts';
import type { InboxTable } from '../inbox/table.ts';

/** One run of crash suspects. */
interface AttemptRun {
  readonly kind: 'together' | 'isolated';
  readonly id: string;
  /** When the invocation of this run has ended at the latest, in ms since the epoch. */
  readonly endsByMs: number;
}

/** The runs of one message that have begun and not ended. */
export interface OpenAttempts {
  /** When each isolated run has ended at the latest, in ms since the epoch. */
  readonly isolatedEndByMs: readonly number[];
}

/**
 * Records a run of crash suspects before it begins and deletes the record when the run ends, so that a record is left for
 * each run that the process did not survive. Every method throws `StoreUnavailableError` if DynamoDB does not answer.
 */
export interface AttemptLog {
  /** Returns the messages that have open runs; `ids` must be unique. */
  read(queue: string, ids: readonly MessageId[]): Promise<Map<MessageId, OpenAttempts>>;
  begin(queue: string, ids: readonly MessageId[], run: AttemptRun): Promise<void>;
  end(queue: string, ids: readonly MessageId[]): Promise<void>;
}

const CONCURRENT_REQUESTS = 16;

const prefix = (queue: string) => `!attempts#${queue}#`;

export function createAttemptLog({ client, retryPolicy, name, expiresAt }: InboxTable): AttemptLog {
  const keyOf = (queue: string, id: MessageId) => ({ pk: { S: prefix(queue) + id } });
  return {
    async read(queue, ids) {
      const keys = ids.map((id) => keyOf(queue, id));
      const items = await batchGet(client, name, keys, retryPolicy);
      return new Map(
        items.map(({ pk, isolated }) => [
          (pk?.S ?? '').slice(prefix(queue).length) as MessageId,
          { isolatedEndByMs: (isolated?.SS ?? []).map((run) => Number(run.split(' ')[0])) },
        ]),
      );
    },

    async begin(queue, ids, { kind, id: runId, endsByMs }) {
      const begin = (id: MessageId) => {
        // Repeating the request is safe, because a set holds each run once.
        const command = new UpdateItemCommand({
          TableName: name,
          Key: keyOf(queue, id),
          UpdateExpression: 'SET #expiry = :expiry ADD #runs :run',
          ExpressionAttributeNames: { '#expiry': 'expiresAt', '#runs': kind },
          ExpressionAttributeValues: { ':run': { SS: [`${endsByMs} ${runId}`] }, ':expiry': { N: expiresAt() } },
        });
        return withRetries(() => client.send(command), retryPolicy);
      };
      await pMap(ids, begin, { concurrency: CONCURRENT_REQUESTS });
    },

    async end(queue, ids) {
      const end = (id: MessageId) => {
        const command = new DeleteItemCommand({ TableName: name, Key: keyOf(queue, id) });
        return withRetries(() => client.send(command), retryPolicy);
      };
      await pMap(ids, end, { concurrency: CONCURRENT_REQUESTS });
    },
  };
}
