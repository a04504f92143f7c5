import { expect, test } from '@jest/globals';

import { nodeMetrics } from '../../../functions/operations/node-metrics.ts';
import type { NodeFigures } from '../../../lib/rabbitmq/admin/queue-figures.ts';

const aNode = (change: Partial<NodeFigures> = {}): NodeFigures => ({
  name: 'rabbit@one',
  running: true,
  blocksPublishers: false,
  memoryUsed: 10,
  memoryLimit: 100,
  diskFree: 900,
  diskFreeLimit: 100,
  partitions: 0,
  connections: 3,
  ...change,
});

test('each metric about broker nodes has the value of the worst node, or the number of nodes with the fault', () => {
  const nodes = [
    aNode(),
    aNode({ memoryUsed: 95, partitions: 2 }),
    aNode({ diskFree: 120, connections: 90, blocksPublishers: true }),
  ];
  expect(nodeMetrics(nodes)).toEqual({
    BrokerNodesDown: 0,
    BrokerNodesBlocking: 1,
    BrokerNodesPartitioned: 1,
    BrokerNodeMemoryPercent: 95,
    BrokerNodeDiskRatio: 1.2,
    BrokerNodeConnections: 90,
  });
});

test('the metrics count a broker node that is not running as down and ignore its last figures', () => {
  const down = aNode({ running: false, memoryUsed: 99, connections: 99 });
  expect(nodeMetrics([aNode(), down])).toMatchObject({
    BrokerNodesDown: 1,
    BrokerNodeMemoryPercent: 10,
    BrokerNodeConnections: 3,
  });
});

test('a metric about broker nodes is omitted instead of 0 if no running node reports its figure', () => {
  const young = aNode({ diskFree: undefined, memoryUsed: undefined });
  expect(nodeMetrics([young])).toEqual({
    BrokerNodesDown: 0,
    BrokerNodesBlocking: 0,
    BrokerNodesPartitioned: 0,
    BrokerNodeConnections: 3,
  });
});
