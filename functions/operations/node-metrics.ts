import type { NodeFigures } from 'surehop/management';

/**
 * Calculates the metrics of the broker's nodes. Each metric is the value of the worst node, because one node over its limit stops
 * the whole cluster, and a sum over all nodes would hide that node. A metric is omitted if no running node reports it.
 */
export function nodeMetrics(nodes: readonly NodeFigures[]): Readonly<Record<string, number>> {
  const running = nodes.filter((node) => node.running);
  const worst = (
    choose: (...values: number[]) => number,
    figure: (node: NodeFigures) => number | undefined,
  ): number | undefined => {
    const values = running.map(figure).filter((value) => value !== undefined);
    return values.length > 0 ? choose(...values) : undefined;
  };
  const metrics = {
    BrokerNodesDown: nodes.length - running.length,
    BrokerNodesBlocking: running.filter(({ blocksPublishers }) => blocksPublishers).length,
    BrokerNodesPartitioned: running.filter(({ partitions }) => partitions > 0).length,
    BrokerNodeMemoryPercent: worst(Math.max, ({ memoryUsed, memoryLimit }) => ratio(memoryUsed, memoryLimit, 100)),
    BrokerNodeDiskRatio: worst(Math.min, ({ diskFree, diskFreeLimit }) => ratio(diskFree, diskFreeLimit, 1)),
    BrokerNodeConnections: worst(Math.max, ({ connections }) => connections),
  };
  return Object.fromEntries(
    Object.entries(metrics).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

const ratio = (value: number | undefined, limit: number | undefined, factor: number): number | undefined =>
  value !== undefined && limit ? (factor * value) / limit : undefined;
