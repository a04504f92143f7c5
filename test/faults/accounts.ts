import * as z from 'zod';

import { tables } from '../../infra/tables.ts';
import { exchanges, queues, topology } from '../../infra/topology.ts';
import type { Topology, WorkQueue } from '../../lib/rabbitmq/topology/topology.ts';
import { defineEvent, type Payload } from '../../lib/events/define.ts';
import type { Decision } from '../../lib/inbox/decision.ts';

/** A queue whose messages must be done in order per key, beside those of the service. */
export const accountsQueue: WorkQueue = { ...queues.stock, name: 'accounts', ordered: true };

/** An entry in somebody's account, to be made right after the entry `after`; 0 stands for none. */
export const accountEntered = defineEvent({
  type: 'account.entered',
  version: 1,
  exchange: exchanges.orders,
  schema: z.object({
    account: z.string(),
    number: z.int().min(1),
    after: z.int().min(0),
    /** Attempts that fail. */
    fails: z.int().min(0),
    isPoison: z.boolean(),
  }),
});

export type AccountEntry = Payload<typeof accountEntered>;

/** Makes the entry; one whose predecessor is not there is rejected, which shows that the order was not kept. */
export const enter = ({ account, number, after }: AccountEntry): Decision => ({
  effects: [
    {
      kind: 'put',
      table: tables.awards,
      key: { orderId: account },
      item: { number },
      when: after === 0 ? 'absent' : { attribute: 'number', equals: after },
    },
  ],
  otherwise: { outcome: 'rejected', reason: 'OUT_OF_ORDER', effects: [] },
});

/** The service's topology with that queue. */
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
