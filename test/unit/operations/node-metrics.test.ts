import { expect, test } from '@jest/globals';

import { nodeMetrics } from '../../../lib/operations/node-metrics.ts';
import type { NodeFigures } from '../../../lib/rabbitmq/management/queue-figures.ts';

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

test('a metric about broker nodes is either the value of the worst node or, for a condition such as a memory alarm, the number of affected nodes', () => {
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

test('a broker node that is not running counts as down, and the metrics ignore the last measurements of this node', () => {
  const down = aNode({ running: false, memoryUsed: 99, connections: 99 });
  expect(nodeMetrics([aNode(), down])).toMatchObject({
    BrokerNodesDown: 1,
    BrokerNodeMemoryPercent: 10,
    BrokerNodeConnections: 3,
  });
});

test('a metric about broker nodes is undefined if no running node reports the measurement for it', () => {
  const young = aNode({ diskFree: undefined, memoryUsed: undefined });
  expect(nodeMetrics([young])).toEqual({
    BrokerNodesDown: 0,
    BrokerNodesBlocking: 0,
    BrokerNodesPartitioned: 0,
    BrokerNodeConnections: 3,
  });
});
