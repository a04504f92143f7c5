import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';

import { valueOf } from '../../infra/dev/metrics/alerts.ts';
import { localAlarms } from '../../infra/dev/metrics/local-alarms.ts';
import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { startGuarded, type GuardedProcess } from '../../infra/dev/runtime/processes.ts';
import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { eventually } from '../support/eventually.ts';
import { findPrometheus } from '../support/prometheus.ts';
import { aService, type RunningService } from '../support/service.ts';

const RULES = resolve('docs/observability/alerts.yml');
const programs = await findPrometheus();
if ('missing' in programs) process.stderr.write(`skipped: the tests with Prometheus, because ${programs.missing}\n`);
const describeWithPrometheus = 'missing' in programs ? describe.skip : describe;

/**
 * A file that Debian's Alertmanager reads from this fixed path. Without the file, the tests of Alertmanager are
 * skipped.
 */
const TEMPLATE = '/usr/share/prometheus/alertmanager/default.tmpl';
if (!existsSync(TEMPLATE))
  process.stderr.write(`skipped: the test with a running Alertmanager, because ${TEMPLATE} does not exist\n`);
const describeWithAlertmanager = 'missing' in programs || !existsSync(TEMPLATE) ? describe.skip : describe;
const program = (name: 'amtool' | 'promtool' | 'prometheus' | 'prometheus-alertmanager') =>
  'missing' in programs ? '' : programs[name];

const directory = mkdtempSync(join(tmpdir(), 'observability-'));
const started: GuardedProcess[] = [];
let service: RunningService | undefined;
beforeAll(async () => {
  if (!('missing' in programs)) service = await aService();
});
afterAll(async () => {
  await Promise.all(started.map((process) => process.kill()));
  await service?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function write(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, stringify(content));
  return path;
}

async function start(command: string, args: readonly string[], log: string): Promise<void> {
  const output = { file: join(directory, log) };
  started.push(await startGuarded({ command, args, cwd: directory, env: process.env, output }));
}

const ofService = 'service="surehop",stage="local"';

/**
 * Creates the metrics of the route `POST /orders`: one request per second, which takes 2 s during the first
 * `slowMinutes` minutes and 0.05 s afterwards.
 */
const slowPublisher = (slowMinutes: number) => {
  const labels = `{${ofService},route="POST /orders"}`;
  const [slow, fast] = [slowMinutes * 4, 40];
  return [
    { series: `surehop_request_duration_seconds_sum${labels}`, values: `0+30x${slow} ${30 * slow}+0.75x${fast}` },
    { series: `surehop_request_duration_seconds_count${labels}`, values: `0+15x${slow} ${15 * slow}+15x${fast}` },
  ];
};

const isFiring = (alertname: string, atMinute: number, severity: string | undefined) => ({
  alertname,
  eval_time: `${atMinute * 60 + 45}s`,
  exp_alerts: severity === undefined ? [] : [{ exp_labels: { service: 'surehop', stage: 'local', severity } }],
});

/** Writes a configuration of Alertmanager with one receiver per severity, all of them on the given local port. */
function alertmanagerConfig(port: number): string {
  const webhook = (severity: string) => ({
    name: severity,
    webhook_configs: [{ url: `http://127.0.0.1:${port}/${severity}` }],
  });
  return write('alertmanager.yml', {
    route: {
      receiver: 'warning',
      group_wait: '1s',
      routes: [{ matchers: ['severity="critical"'], receiver: 'critical' }],
    },
    receivers: [webhook('warning'), webhook('critical')],
  });
}

describeWithPrometheus('with Prometheus', () => {
  test("amtool routes each severity of the alerts to the severity's receiver", () => {
    const config = alertmanagerConfig(1);
    for (const severity of ['critical', 'warning'])
      expect(
        execFileSync(
          program('amtool'),
          ['config', 'routes', 'test', `--config.file=${config}`, `severity=${severity}`],
          {
            encoding: 'utf8',
          },
        ).trim(),
      ).toBe(severity);
  });

  test('promtool accepts the alert rules in docs/observability/alerts.yml', () => {
    expect(execFileSync(program('promtool'), ['check', 'rules', RULES], { encoding: 'utf8' })).toContain('SUCCESS');
  });

  test('an alert fires if POST /orders is slow for two minutes or if an event source has stopped, but not if POST /orders is slow for one minute', () => {
    const annotations = (name: string) => {
      const { description } = Object.values(localAlarms())
        .flat()
        .find((alarm) => alarm.name === name)!;
      return description;
    };
    const expected = (name: string, chapter: string) => ({
      exp_annotations: { description: annotations(name), runbook_url: `docs/runbook.md#${chapter}` },
    });
    const withAnnotations = <T extends { exp_alerts: object[] }>(testCase: T, more: object) => ({
      ...testCase,
      exp_alerts: testCase.exp_alerts.map((alert) => ({ ...alert, ...more })),
    });
    const slow = expected('place-order-mean-duration', 'a-slow-or-throttled-function');
    const stopped = expected('queue-stock-without-consumer', 'a-stopped-event-source');
    const consumers = `surehop_queue_consumers{${ofService},queue="stock"}`;
    const file = write('tests.yml', {
      rule_files: [RULES],
      evaluation_interval: '15s',
      tests: [
        {
          interval: '15s',
          input_series: slowPublisher(2),
          alert_rule_test: [withAnnotations(isFiring('PlaceOrderMeanDuration', 2, 'warning'), slow)],
        },
        {
          interval: '15s',
          input_series: slowPublisher(1),
          alert_rule_test: [0, 1, 2, 3, 4].map((minute) => isFiring('PlaceOrderMeanDuration', minute, undefined)),
        },
        {
          interval: '1m',
          input_series: [{ series: consumers, values: '1 1 0x10' }],
          alert_rule_test: [
            isFiring('QueueStockWithoutConsumer', 4, undefined),
            withAnnotations(isFiring('QueueStockWithoutConsumer', 8, 'critical'), stopped),
          ],
        },
      ],
    });
    expect(execFileSync(program('promtool'), ['test', 'rules', file], { encoding: 'utf8' })).toContain('SUCCESS');
  });

  test('while Prometheus scrapes npm start under load, the expressions of the alerts about requests, batches and queues return values', async () => {
    const [port] = await freePorts(1);
    const target = new URL(service!.url).host.replace('localhost', '127.0.0.1');
    const config = write('prometheus.yml', {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [RULES],
      scrape_configs: [{ job_name: 'surehop', static_configs: [{ targets: [target] }] }],
    });
    const data = join(directory, 'data');
    mkdirSync(data);
    await start(
      program('prometheus'),
      [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=127.0.0.1:${port}`],
      'prometheus.log',
    );
    const order = JSON.stringify({
      customerId: 'ada',
      currency: 'EUR',
      items: [{ sku: 'apple', quantity: 1, unitPrice: 100 }],
    });
    const query = async (expression: string): Promise<number[]> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
      const { data: found } = (await (await fetch(url)).json()) as { data?: { result: { value: [number, string] }[] } };
      return (found?.result ?? []).map(({ value }) => Number(value[1]));
    };
    const requestsAndBatches = [
      'place-order-mean-duration',
      'reserve-stock-mean-duration',
      'reserve-stock-errors',
      'queue-stock-slow',
      'orders-rejected',
    ];
    const queuesAndNodes = [
      'queue-stock-without-consumer',
      'queue-stock-deep',
      'queues-unread',
      'broker-node-down',
      'broker-memory',
    ];
    const alarms = Object.values(localAlarms()).flat();
    for (const names of [requestsAndBatches, queuesAndNodes])
      for (const name of names)
        await eventually(`the value of ${name} to be a number`, async () => {
          const headers = { 'content-type': 'application/json', ...signedHeaders(order, { key: randomUUID() }) };
          const { status } = await fetch(`${service!.url}/orders`, { method: 'POST', headers, body: order });
          expect(status).toBe(202);
          const values = await query(valueOf(alarms.find((alarm) => alarm.name === name)!)!).catch(() => []);
          return values.some((value) => Number.isFinite(value));
        });
  }, 300_000);
});

describeWithAlertmanager('with Alertmanager', () => {
  test('Alertmanager routes alerts by their severity', async () => {
    const received: Record<string, string[]> = {};
    const receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        const { alerts } = JSON.parse(body) as { alerts: { labels: { alertname: string } }[] };
        (received[request.url!] ??= []).push(...alerts.map(({ labels }) => labels.alertname));
        response.end();
      });
    });
    await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
    const { port: to } = receiver.address() as { port: number };
    const [port] = await freePorts(1);
    const config = alertmanagerConfig(to);
    await start(
      program('prometheus-alertmanager'),
      [
        `--config.file=${config}`,
        `--storage.path=${join(directory, 'alertmanager')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      'alertmanager.log',
    );
    const alerts = [
      { labels: { alertname: 'QueueStockWithoutConsumer', severity: 'critical' } },
      { labels: { alertname: 'PlaceOrderMeanDuration', severity: 'warning' } },
    ];
    await eventually('Alertmanager to accept the alerts', async () =>
      fetch(`http://127.0.0.1:${port}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(alerts),
      }).then(
        ({ ok }) => ok,
        () => undefined,
      ),
    );
    await eventually('both receivers to be notified', () =>
      Promise.resolve(received['/critical'] && received['/warning']),
    );
    receiver.close();
    expect(received).toEqual({ '/critical': ['QueueStockWithoutConsumer'], '/warning': ['PlaceOrderMeanDuration'] });
  }, 60_000);
});
