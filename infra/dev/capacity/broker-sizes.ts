/** A cluster of three nodes as Amazon MQ offers it for RabbitMQ 4. */
export interface BrokerSize {
  readonly instanceType: string;
  readonly vCpus: number;
  /** Connections of one node by default; a configuration may ask for more. */
  readonly connectionsPerNode?: number;
}

export const CLUSTER_NODES = 3;

/**
 * Processors: https://aws.amazon.com/ec2/instance-types/m7g/. Connections:
 * https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/rabbitmq-resource-limits-configuration.html; for the sizes
 * without a number here, look there.
 */
export const brokerSizes: readonly BrokerSize[] = [
  { instanceType: 'mq.m7g.medium', vCpus: 1, connectionsPerNode: 100 },
  { instanceType: 'mq.m7g.large', vCpus: 2, connectionsPerNode: 500 },
  { instanceType: 'mq.m7g.xlarge', vCpus: 4 },
  { instanceType: 'mq.m7g.2xlarge', vCpus: 8 },
  { instanceType: 'mq.m7g.4xlarge', vCpus: 16 },
  { instanceType: 'mq.m7g.8xlarge', vCpus: 32 },
  { instanceType: 'mq.m7g.12xlarge', vCpus: 48 },
  { instanceType: 'mq.m7g.16xlarge', vCpus: 64 },
];
