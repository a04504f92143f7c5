import type { Stage } from '../../stages/stage.ts';

/**
 * The default connection limit of one broker node, for RabbitMQ 4
 * (https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-resource-limits-configuration.html).
 */
const connectionsPerNode = {
  SINGLE_INSTANCE: { 'mq.m7g.medium': 100, 'mq.m7g.large': 1_500 },
  CLUSTER_MULTI_AZ: { 'mq.m7g.medium': 100, 'mq.m7g.large': 500 },
} as const;

const nodes = { SINGLE_INSTANCE: 1, CLUSTER_MULTI_AZ: 3 } as const;

/**
 * Returns the connection limits of a stage's broker: for one node, for all nodes, and for a cluster of which one node
 * is down.
 */
export function connectionQuota({ broker: { deployment, instanceType } }: Pick<Stage, 'broker'>) {
  const perNode = connectionsPerNode[deployment][instanceType];
  const inAll = perNode * nodes[deployment];
  return { perNode, inAll, withoutOneNode: deployment === 'SINGLE_INSTANCE' ? inAll : inAll - perNode };
}
