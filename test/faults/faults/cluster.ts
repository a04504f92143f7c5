import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster, ClusterNode } from '../cluster.ts';
import { queues } from '../../../infra/topology.ts';
import type { Fault, Lab } from '../lab.ts';
import { VHOST } from '../management.ts';

/**
 * How long the system may take to recover after the loss of a broker node, in ms. RabbitMQ 4.3 alone needs one minute
 * to deliver the messages of a disconnected consumer again (`consumer_disconnected_timeout`).
 */
const LEADER_RECOVERY_MS = 90_000;

async function leaderOf(queue: string, { nodes }: Cluster, { system }: Lab): Promise<ClusterNode> {
  const { leader } = await system.management.request<{ leader?: string }>('GET', `queues/${VHOST}/${queue}`);
  const node = nodes.find(({ name }) => name === leader);
  if (!node) throw new Error(`the leader of queue ${queue} is ${leader}, which is not a node of this cluster`);
  return node;
}

/**
 * Returns the faults that need a cluster of three broker nodes. Each fault calls `cluster` when it starts, and gets the
 * running cluster.
 */
export const clusterFaults = (cluster: () => Cluster): readonly Fault[] => [
  {
    name: 'leader-killed',
    where: 'cluster',
    says: 'the leader node of each work queue is killed with SIGKILL and restarted, one work queue after another',
    spanMs: 15_000,
    recoverWithinMs: LEADER_RECOVERY_MS,
    async inject(lab) {
      for (const { name } of Object.values(queues)) {
        const leader = await leaderOf(name, cluster(), lab);
        await leader.kill();
        await lab.recover();
        await leader.start();
      }
    },
  },
  {
    name: 'minority-partitioned',
    where: 'cluster',
    says: 'one broker node and its clients are disconnected from the two other broker nodes for 15 s',
    spanMs: 16_000,
    recoverWithinMs: LEADER_RECOVERY_MS,
    async inject(lab) {
      const join = await cluster().partition(await leaderOf(queues.stock.name, cluster(), lab));
      try {
        await sleep(15_000, undefined, { signal: lab.signal });
      } finally {
        await join();
      }
    },
  },
  {
    name: 'rolling-restart',
    where: 'cluster',
    says: 'the broker nodes are stopped and started one after another, as for an upgrade',
    spanMs: 30_000,
    recoverWithinMs: LEADER_RECOVERY_MS,
    async inject(lab) {
      for (const node of cluster().nodes) {
        await node.stop();
        await node.start();
        await lab.recover();
      }
    },
  },
];
