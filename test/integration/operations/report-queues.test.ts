import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../support/example/topology.ts';
import { ensureUsers } from '../../../lib/rabbitmq/management/users.ts';
import { applyTopology } from '../../../lib/rabbitmq/topology/apply.ts';
import type { BrokerRole } from '../../../lib/rabbitmq/management/roles.ts';
import { asDeployed, firstLogins, removeUsers, rolesOf } from '../../support/deployed-logins.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { useExampleTopology } from '../../support/example/use-example.ts';
import { createTestTables } from '../../support/example/create-tables.ts';
import { eventually } from '../../support/eventually.ts';
import { aSecretsManager, type SecretsManager } from '../../support/secrets-manager.ts';

let host: VirtualHost;
let secrets: SecretsManager;
let roles: BrokerRole[];
let arn: string;
let handler: () => Promise<void>;

beforeAll(async () => {
  useExampleTopology();
  host = await aVirtualHost();
  secrets = await aSecretsManager();
  roles = rolesOf(host);
  const broker = reach(host.amqpUrl, process.env['MANAGEMENT_URL']);
  await applyTopology(broker, topology);
  const { monitor } = firstLogins(roles);
  await ensureUsers(
    broker,
    roles.find(({ name }) => name === 'monitor')!,
    monitor!,
  );
  arn = secrets.create('monitor', JSON.stringify(monitor));
  const tablePrefix = `${host.name}-`;
  await createTestTables(process.env['DYNAMODB_ENDPOINT']!, tablePrefix);
  await asDeployed(host, arn, { TABLE_PREFIX: tablePrefix });
  ({ handler } = await import('../../../functions/operations/report-queues.ts'));
});
afterAll(async () => {
  await removeUsers(host, roles);
  await host.remove();
  await secrets.stop();
});

/** Invokes the function `report-queues` once. Returns its log lines, and its metrics by metric name and queue name. */
async function report(): Promise<{ metrics: Record<string, number>; lines: string[] }> {
  const lines: string[] = [];
  // The logger and the metrics write to the output streams of the process and not to the global console.
  const writes = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation((chunk) => {
      lines.push(String(chunk));
      return true;
    }),
  );
  const logs = (['log', 'error'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation((line) => void lines.push(String(line))),
  );
  try {
    await handler();
  } finally {
    for (const spy of [...writes, ...logs]) spy.mockRestore();
  }
  const metrics: Record<string, number> = {};
  for (const line of lines.filter((text) => text.includes('CloudWatchMetrics'))) {
    const { _aws, ...values } = JSON.parse(line) as {
      _aws: { CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] };
    } & Record<string, unknown>;
    for (const { Namespace, Dimensions, Metrics } of _aws.CloudWatchMetrics) {
      expect(Namespace).toBe('Surehop');
      for (const { Name } of Metrics) {
        expect(Dimensions[0]!.toSorted()).toEqual(
          /^(QueueReportFailed|BrokerNode.*)$/.test(Name) ? ['service', 'stage'] : ['queue', 'service', 'stage'],
        );
        metrics[[Name, values['queue']].filter(Boolean).join(' ')] = values[Name] as number;
      }
    }
  }
  return { metrics, lines };
}

test('report-queues reports the numbers of ready messages, unacknowledged messages and consumers of each queue, even if a number is 0', async () => {
  for (let message = 0; message < 3; message += 1)
    host.channel.sendToQueue('loans', Buffer.from('x'), { persistent: true });
  await eventually('the messages', async () => (await host.channel.checkQueue('loans')).messageCount === 3);
  await host.channel.prefetch(1);
  await host.channel.consume('loans', () => {});
  const metrics = await eventually('the broker to count', async () => {
    const { metrics } = await report();
    return metrics['QueueUnacknowledged loans'] === 1 && metrics['QueueConsumers loans'] === 1 && metrics;
  });
  expect(Object.fromEntries(Object.entries(metrics).filter(([name]) => !name.startsWith('BrokerNode')))).toEqual({
    'Completed loans': 0,
    'Rejected loans': 0,
    'Completed notices': 0,
    'Rejected notices': 0,
    'QueueReady loans': 2,
    'QueueUnacknowledged loans': 1,
    'QueueConsumers loans': 1,
    'QueueFullest loans': 3,
    'QueueReady notices': 0,
    'QueueUnacknowledged notices': 0,
    'QueueConsumers notices': 0,
    'QueueFullest notices': 0,
    'QueueReady dead-letters': 0,
    'QueueUnacknowledged dead-letters': 0,
    'QueueConsumers dead-letters': 0,
    'QueueFullest dead-letters': 0,
    'DelayQueueWaiting retry.1s': 0,
    'DelayQueueWaiting retry.2s': 0,
    'DelayQueueWaiting retry.4s': 0,
    QueueReportFailed: 0,
  });
});

test('report-queues can report the metrics of the broker nodes with a login that may not read messages', async () => {
  const metrics = await eventually('the broker to count', async () => {
    const { metrics } = await report();
    return metrics['BrokerNodeConnections']! > 0 && metrics;
  });
  expect(metrics).toMatchObject({
    BrokerNodesDown: 0,
    BrokerNodesBlocking: 0,
    BrokerNodesPartitioned: 0,
    QueueReportFailed: 0,
  });
  expect(metrics['BrokerNodeMemoryPercent']).toBeGreaterThan(0);
  expect(metrics['BrokerNodeMemoryPercent']).toBeLessThan(100);
  expect(metrics['BrokerNodeDiskRatio']).toBeGreaterThan(1);
});

test('report-queues still reports all other queues if one queue is missing, and logs the name of the missing queue once', async () => {
  await host.channel.deleteQueue('notices');
  const { metrics, lines } = await report();
  expect(metrics).toMatchObject({ 'QueueConsumers dead-letters': 0, QueueReportFailed: 1 });
  expect(metrics).not.toHaveProperty(['QueueReady notices']);
  const errors = lines.filter((line) => line.includes('"ERROR"'));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain('the broker reports no metrics for notices');
});

test('if the broker refuses the login of report-queues, report-queues logs one error about the queues and one about the nodes, and sets the metric QueueReportFailed to 1', async () => {
  secrets.replace(arn, JSON.stringify({ username: 'nobody', password: 'hush-hush' }));
  const { metrics, lines } = await report();
  expect(metrics).toEqual({ QueueReportFailed: 1 });
  const errors = lines.filter((line) => line.includes('"ERROR"'));
  expect(errors).toHaveLength(2);
  for (const error of errors) expect(error).toContain('answered 401: the user or the password is refused');
  expect(lines.join('')).not.toContain('hush-hush');
});
