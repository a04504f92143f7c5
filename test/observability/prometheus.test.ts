import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pMap from 'p-map';
import { parse, stringify } from 'yaml';

import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { startGuarded, type GuardedProcess } from '../../infra/dev/runtime/processes.ts';
import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { startTraceReceiver, type TraceReceiver } from '../../infra/dev/traces/receiver.ts';
import type { Span } from '../../infra/dev/traces/span.ts';
import { eventually } from '../support/eventually.ts';
import { expressionsIn, type Expression } from '../support/expressions.ts';
import { findPrometheus } from '../support/prometheus.ts';
import { aService, type RunningService } from '../support/service.ts';

const folder = resolve('docs/observability');
const programs = await findPrometheus();
if ('missing' in programs)
  process.stderr.write(`skipped: the tests with Prometheus and Alertmanager, because ${programs.missing}\n`);
const describeWithPrograms = 'missing' in programs ? describe.skip : describe;

/** The rate limit of the service under test. The limit is so low that every machine can exceed it. */
const RATE_PER_SECOND = 10;

/**
 * The time limit for the first report of queues and broker nodes, in ms. The service reports once a minute, and
 * therefore the first report can take more than one minute.
 */
const REPORTED_WITHIN_MS = 150_000;

const FAILING_ORDERS = 12;

const RULE = 'functions/orders/rules/award-points.ts';

/**
 * The TypeScript statement that makes the business rule for the queue `points` fail for each order of the customer
 * `failing`.
 */
const BUG = "if (customerId === 'failing') throw new TypeError('the bug of the test');";

function addBug(directory: string): void {
  const file = join(directory, RULE);
  const text = readFileSync(file, 'utf8');
  const changed = text.replace('  const points = pointsFor(', `  ${BUG}\n  const points = pointsFor(`);
  expect(changed).not.toBe(text);
  writeFileSync(file, changed);
}

const directory = mkdtempSync(join(tmpdir(), 'observability-'));
const started: GuardedProcess[] = [];
let receiver: Server | undefined;
let traces: TraceReceiver;
let service: RunningService;
let prometheusUrl: string;
let authorization: string;

interface Alert {
  readonly labels: { readonly alertname: string };
  readonly annotations: { readonly description: string; readonly runbook_url: string };
}

const received = { critical: new Map<string, Alert>(), warning: new Map<string, Alert>() };

async function start(program: 'prometheus' | 'prometheus-alertmanager', args: readonly string[]): Promise<void> {
  if ('missing' in programs) throw new Error(programs.missing);
  const command = programs[program];
  const output = { file: join(directory, `${program}.log`) };
  // An unpacked Alertmanager reads its template from its working directory.
  started.push(await startGuarded({ command, args, cwd: dirname(command), env: process.env, output }));
}

const configuration = (name: string): unknown => parse(readFileSync(join(folder, name), 'utf8'));

function write(name: string, content: object): string {
  const path = join(directory, name);
  writeFileSync(path, stringify(content));
  return path;
}

interface PrometheusConfig {
  global: { scrape_interval: string; evaluation_interval: string };
  rule_files: string[];
  alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
  scrape_configs: { static_configs: { targets: string[] }[] }[];
}

interface AlertmanagerConfig {
  route: { group_wait: string };
  receivers: { name: string; webhook_configs?: object[] }[];
}

async function startReceiver(): Promise<number> {
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const { alerts } = JSON.parse(body) as { alerts: Alert[] };
      const severity = request.url!.slice(1) as keyof typeof received;
      for (const alert of alerts) received[severity].set(alert.labels.alertname, alert);
      response.end();
    });
  });
  await new Promise<void>((listening) => receiver!.listen(0, '127.0.0.1', listening));
  return (receiver.address() as { port: number }).port;
}

async function startPrometheus(): Promise<void> {
  const [port, alertmanagerPort] = await freePorts(2);
  const receiverPort = await startReceiver();
  const alertmanager = configuration('alertmanager.yml') as AlertmanagerConfig;
  alertmanager.route.group_wait = '1s';
  for (const one of alertmanager.receivers)
    one.webhook_configs = [{ url: `http://127.0.0.1:${receiverPort}/${one.name}` }];
  const prometheus = configuration('prometheus.yml') as PrometheusConfig;
  prometheus.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  prometheus.rule_files = prometheus.rule_files.map((file) => join(folder, file));
  prometheus.alerting.alertmanagers[0]!.static_configs[0]!.targets = [`127.0.0.1:${alertmanagerPort}`];
  prometheus.scrape_configs[0]!.static_configs[0]!.targets = [`127.0.0.1:${new URL(service.url).port}`];
  const data = (name: string) => {
    mkdirSync(join(directory, name));
    return join(directory, name);
  };
  await start('prometheus-alertmanager', [
    `--config.file=${write('alertmanager.yml', alertmanager)}`,
    `--storage.path=${data('alertmanager')}`,
    `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
    '--cluster.listen-address=',
  ]);
  await start('prometheus', [
    `--config.file=${write('prometheus.yml', prometheus)}`,
    `--storage.tsdb.path=${data('prometheus')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--enable-feature=exemplar-storage',
  ]);
  prometheusUrl = `http://127.0.0.1:${port}`;
}

/** Evaluates a Prometheus expression at the next full minute. */
async function valuesOf(expression: string): Promise<number[]> {
  const time = Math.ceil(Date.now() / 60_000) * 60;
  const response = await fetch(`${prometheusUrl}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: expression, time: String(time) }),
  });
  const { data, error } = (await response.json()) as {
    data?: { result: { value: [number, string] }[] };
    error?: string;
  };
  if (!data) throw new Error(`Prometheus refuses ${expression}: ${error}`);
  return data.result.map(({ value }) => Number(value[1])).filter(Number.isFinite);
}

/** Places an order, and repeats the request as long as the rate limit refuses it. */
async function placeOrder(customerId: string, sku: string): Promise<void> {
  const order = JSON.stringify({ customerId, currency: 'EUR', items: [{ sku, quantity: 1, unitPrice: 100 }] });
  const headers = { 'content-type': 'application/json', ...signedHeaders(order, { key: randomUUID() }) };
  const status = await eventually('an answer within the rate limit', async () => {
    const response = await fetch(`${service.url}/orders`, { method: 'POST', headers, body: order });
    return response.status === 429 ? undefined : response.status;
  });
  expect(status).toBe(202);
}

/** Sends many unsigned orders concurrently. Returns whether the rate limit refused one of them. */
async function exceedRateLimit(): Promise<boolean> {
  const statuses = await pMap(Array.from({ length: 100 }), async () => {
    const { status } = await fetch(`${service.url}/orders`, { method: 'POST' });
    return status;
  });
  return statuses.includes(429);
}

/** Sends one request to every route except `POST /orders`. Some of the requests are answered with errors. */
async function requestEveryRoute(): Promise<void> {
  const requests = [
    'GET /healthz',
    'GET /readyz',
    'GET /status',
    'GET /openapi.json',
    'GET /stock/apple',
    'PUT /stock/apple',
    'GET /customers/ada/points',
    `GET /orders/${randomUUID()}`,
    `GET /orders/${randomUUID()}/timeline`,
    `GET /messages/${randomUUID()}`,
    'GET /alarms',
    'GET /console',
    'GET /dead-letters',
    'GET /dead-letters/groups',
    'GET /dead-letters/jobs',
    'POST /dead-letters/jobs',
    `POST /dead-letters/jobs/${randomUUID()}`,
    `GET /dead-letters/${randomUUID()}`,
    `POST /dead-letters/${randomUUID()}/redrive`,
    `POST /dead-letters/${randomUUID()}/edit`,
    'POST /dead-letters/redrive',
    `DELETE /dead-letters/${randomUUID()}`,
  ];
  for (const request of requests) {
    const [method, path] = request.split(' ') as [string, string];
    const body = method === 'PUT' ? JSON.stringify({ available: 1_000_000 }) : method === 'POST' ? '{}' : undefined;
    const headers = { authorization, ...(body && { 'content-type': 'application/json' }) };
    await fetch(`${service.url}${path}`, { method, headers, body });
  }
}

beforeAll(async () => {
  if ('missing' in programs) return;
  traces = await startTraceReceiver();
  service = await aService({ ratePerSecond: RATE_PER_SECOND, otlpEndpoint: traces.url, change: addBug });
  const token = await service.token('stock:write', 'status:read', 'dead-letters:read', 'dead-letters:redrive');
  authorization = `Bearer ${token}`;
  await startPrometheus();
}, 240_000);

afterAll(async () => {
  await Promise.all(started.map((process) => process.kill()));
  receiver?.closeAllConnections();
  receiver?.close();
  await service?.stop();
  await traces?.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

describeWithPrograms('while Prometheus scrapes npm start under load', () => {
  test('every Prometheus query of the dashboard and of the alerts returns values', async () => {
    await requestEveryRoute();
    for (let n = 0; n < FAILING_ORDERS; n += 1) await placeOrder('failing', 'apple');
    await eventually('the rate limit to refuse a request', exceedRateLimit);
    let missing: readonly Expression[] = expressionsIn(folder);
    expect(missing.length).toBeGreaterThan(100);
    await eventually(
      'every expression to return a value',
      async () => {
        await requestEveryRoute();
        await placeOrder('ada', 'apple');
        await placeOrder('ada', 'sold-out');
        const found = await pMap(missing, async ({ promql }) => (await valuesOf(promql)).length > 0, {
          concurrency: 8,
        });
        missing = missing.filter((_, index) => !found[index]);
        return missing.length === 0;
      },
      REPORTED_WITHIN_MS,
      1_000,
    ).catch(() => {});
    expect(missing).toEqual([]);
  }, 300_000);

  test.each([
    ['retried messages', 'surehop_retried_total{queue="points"}'],
    ['archived dead letters', 'surehop_dead_letters_archived_total{queue="points"}'],
    ['rejected orders', 'surehop_rejected_total{queue="stock"}'],
    ['invocations by the event source', 'surehop_event_source_invocations_total{queue="stock",outcome="success"}'],
    ['requests above the rate limit', 'surehop_requests_total{route="POST /orders",status="429"}'],
  ])(
    'the metric that counts %s increases in Prometheus',
    async (_, series) => {
      await eventually(`${series} to be more than 0`, async () => (await valuesOf(`${series} > 0`)).length > 0);
      // The first event of a series also counts as an increase, because the series starts at zero.
      expect((await valuesOf(`increase(${series}[10m]) > 0`)).length).toBe(1);
    },
    90_000,
  );

  test('the alerts about dead letters fire, and Alertmanager routes each of them to the receiver of its severity', async () => {
    await eventually(
      'both receivers to get an alert of the queue points',
      () => received.warning.has('QueuePointsDeadLetter') && received.critical.has('QueuePointsDeadLetters'),
    );
    expect([...received.warning.keys()]).not.toContain('QueuePointsDeadLetters');
    expect([...received.critical.keys()]).not.toContain('QueuePointsDeadLetter');
  }, 90_000);

  test('four steps lead from an alert to the line of code that caused it: the alert, the exemplar of the metric, the trace, and the log line', async () => {
    const { annotations } = received.critical.get('QueuePointsDeadLetters')!;
    expect(annotations.runbook_url).toBe('docs/runbook.md#many-dead-letters');

    const traceId = await eventually('an exemplar of the dead letters', async () => {
      const [start, end] = [Date.now() / 1_000 - 600, Date.now() / 1_000 + 1];
      const query = 'surehop_dead_lettered_total{queue="points"}';
      const parameters = new URLSearchParams({ query, start: String(start), end: String(end) });
      const response = await fetch(`${prometheusUrl}/api/v1/query_exemplars?${parameters.toString()}`);
      const { data } = (await response.json()) as { data: { exemplars: { labels: { trace_id: string } }[] }[] };
      return data[0]?.exemplars[0]?.labels.trace_id;
    });
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);

    const { spans } = (await (await fetch(`${traces.url}/traces/${traceId}`)).json()) as { spans: Span[] };
    const failed = spans.find(
      ({ name, attributes }) => name === 'process points' && attributes['surehop.outcome'] === 'dead-letter',
    )!;
    expect(failed.attributes).toMatchObject({ 'error.type': 'ATTEMPTS_EXHAUSTED' });

    const messageId = String(failed.attributes['messaging.message.id']);
    const lines = readFileSync(service.logFile, 'utf8').split('\n');
    const line = lines.find((text) => text.includes('"message":"rule failed"') && text.includes(messageId))!;
    const { frames, error } = JSON.parse(line) as { frames: string[]; error: { message: string } };
    expect(error.message).toBe('the bug of the test');
    const [path, number] = frames[0]!.replace(/^.*\(/, '').split(':') as [string, string];
    expect(path).toBe(RULE);
    expect(readFileSync(join(service.directory, path), 'utf8').split('\n')[Number(number) - 1]).toContain(BUG);
  });
});
