import * as z from 'zod';

import { tables } from '../../infra/tables.ts';
import { Table } from '../../lib/dynamodb/tables.ts';
import { exchanges, queues, topology } from '../../infra/topology.ts';
import type { Topology, WorkQueue } from '../../lib/rabbitmq/topology/topology.ts';
import { defineEvent, type Payload } from '../../lib/events/define.ts';
import type { Decision } from '../../lib/inbox/decision.ts';

/** A queue that only the fault tests have. Its consumer processes messages with the same key in order. */
export const accountsQueue: WorkQueue = { ...queues.stock, name: 'accounts', ordered: true };

/**
 * An event that adds an entry to an account. The entry `number` must be processed directly after the entry `after`; 0
 * means that no entry precedes it.
 */
export const accountEntered = defineEvent({
  type: 'account.entered',
  version: 1,
  exchange: exchanges.orders,
  schema: z.object({
    account: z.string(),
    number: z.int().min(1),
    after: z.int().min(0),
    fails: z.int().min(0),
    isPoison: z.boolean(),
  }),
});

export type AccountEntry = Payload<typeof accountEntered>;

/**
 * The DynamoDB table in which the fault tests store accounts: the table `awards` of the reference service, so that the
 * fault tests need no table of their own.
 */
const entries = new Table({ name: tables.awards.name, key: tables.awards.key });

/**
 * Adds an entry to an account. An entry whose predecessor is missing is rejected, because the entries were processed in
 * the wrong order.
 */
export const enter = ({ account, number, after }: AccountEntry): Decision => ({
  effects: [
    {
      kind: 'put',
      table: entries,
      key: { orderId: account },
      item: { number },
      when: after === 0 ? 'absent' : { number: { equals: after } },
    },
  ],
  otherwise: { outcome: 'rejected', reason: 'OUT_OF_ORDER', effects: [] },
});

export const faultsTopology: Topology = {
  ...topology,
  queues: [
    ...topology.queues,
    { ...topology.queues.find(({ name }) => name === queues.stock.name)!, name: accountsQueue.name },
  ],
  bindings: [
    ...topology.bindings,
    { exchange: accountEntered.exchange, queue: accountsQueue.name, routingKey: accountEntered.type },
  ],
};
