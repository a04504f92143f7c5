import type { Inbox } from '../inbox/inbox.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Clock } from '../runtime/clock.ts';
import type { BlockedKeys } from './blocked-keys.ts';
import type { OpenBatches } from './open-batches.ts';
import type { Sequences } from './sequences.ts';

/** The fields of a batch that are needed to process messages with the same ordering key in order. */
export interface OrderedBatch {
  readonly queue: WorkQueue;
  readonly inbox: Pick<Inbox, 'find'>;
  readonly blockedKeys: BlockedKeys;
  readonly openBatches: OpenBatches;
  readonly clock: Clock;
  readonly memory: OrderingMemory;
  readonly warn: (message: string, error: unknown) => void;
}

/** The order of messages that could not be stored in DynamoDB yet, kept in memory from one batch to the next. */
export interface OrderingMemory {
  /**
   * For each ordering key, the ids of the messages whose processing order an earlier batch failed to store in DynamoDB.
   * The next batch stores this order.
   */
  unrecorded: Sequences;
}
