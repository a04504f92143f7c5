import type { NodeFigures } from '../rabbitmq/management/queue-figures.ts';

type NodeMetrics = Readonly<
  Record<'BrokerNodesDown' | 'BrokerNodesBlocking' | 'BrokerNodesPartitioned', number> &
    Record<'BrokerNodeMemoryPercent' | 'BrokerNodeDiskRatio' | 'BrokerNodeConnections', number | undefined>
>;

/**
 * Calculates the metrics of the broker's nodes. Memory, disk space and connections are those of the worst node, because
 * one node over its limit stops the whole cluster.
 */
export function nodeMetrics(nodes: readonly NodeFigures[]): NodeMetrics {
  const running = nodes.filter((node) => node.running);
  const worst = (
    choose: (...values: number[]) => number,
    figure: (node: NodeFigures) => number | undefined,
  ): number | undefined => {
    const values = running.map(figure).filter((value) => value !== undefined);
    return values.length > 0 ? choose(...values) : undefined;
  };
  return {
    BrokerNodesDown: nodes.length - running.length,
    BrokerNodesBlocking: running.filter(({ blocksPublishers }) => blocksPublishers).length,
    BrokerNodesPartitioned: running.filter(({ partitions }) => partitions > 0).length,
    BrokerNodeMemoryPercent: worst(Math.max, ({ memoryUsed, memoryLimit }) => ratio(memoryUsed, memoryLimit, 100)),
    BrokerNodeDiskRatio: worst(Math.min, ({ diskFree, diskFreeLimit }) => ratio(diskFree, diskFreeLimit, 1)),
    BrokerNodeConnections: worst(Math.max, ({ connections }) => connections),
  };
}

const ratio = (value: number | undefined, limit: number | undefined, factor: number): number | undefined =>
  value !== undefined && limit ? (factor * value) / limit : undefined;
