import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';

import { localAlarms } from '../../infra/dev/metrics/local-alarms.ts';
import { findPrometheus } from '../support/prometheus.ts';

const folder = resolve('docs/observability');
const RULES = join(folder, 'alerts.yml');
const programs = await findPrometheus();
if ('missing' in programs)
  process.stderr.write(`skipped: the tests with promtool and amtool, because ${programs.missing}\n`);
const describeWithPrograms = 'missing' in programs ? describe.skip : describe;

function run(name: 'amtool' | 'promtool', ...args: string[]): string {
  if ('missing' in programs) throw new Error(programs.missing);
  return execFileSync(programs[name], args, { encoding: 'utf8' });
}

const directory = mkdtempSync(join(tmpdir(), 'observability-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const ofService = 'service="surehop",stage="local"';

/**
 * Creates metrics that simulate one request per second to the route `POST /orders`. Requests in the first `slowMinutes`
 * minutes take 2 s, and all later requests 0.05 s.
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

describeWithPrograms('the files in docs/observability', () => {
  test.each(['critical', 'warning'])(
    'amtool routes alerts of the severity %s to the receiver with the same name',
    (severity) => {
      const file = `--config.file=${join(folder, 'alertmanager.yml')}`;
      expect(run('amtool', 'config', 'routes', 'test', file, `severity=${severity}`).trim()).toBe(severity);
    },
  );

  test('amtool accepts the configuration of Alertmanager', () => {
    expect(run('amtool', 'check-config', join(folder, 'alertmanager.yml'))).toContain('SUCCESS');
  });

  test('promtool accepts the configuration of Prometheus and the alert rules that the configuration names', () => {
    const output = run('promtool', 'check', 'config', join(folder, 'prometheus.yml'));
    expect(output).toMatch(/prometheus\.yml is valid/);
    expect(output).toMatch(/alerts\.yml\n\s*SUCCESS: \d+ rules found/);
  });

  test('an alert fires if POST /orders is slow for two minutes or if an event source has stopped, but not if POST /orders is slow for one minute', () => {
    const description = (name: string) =>
      Object.values(localAlarms())
        .flat()
        .find((alarm) => alarm.name === name)!.description;
    const expected = (name: string, chapter: string) => ({
      exp_annotations: { description: description(name), runbook_url: `docs/runbook.md#${chapter}` },
    });
    const withAnnotations = <T extends { exp_alerts: object[] }>(testCase: T, more: object) => ({
      ...testCase,
      exp_alerts: testCase.exp_alerts.map((alert) => ({ ...alert, ...more })),
    });
    const slow = expected('place-order-mean-duration', 'a-slow-or-throttled-function');
    const stopped = expected('queue-stock-without-consumer', 'a-stopped-event-source');
    const consumers = `surehop_queue_consumers{${ofService},queue="stock"}`;
    const file = join(directory, 'tests.yml');
    const tests = {
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
    };
    writeFileSync(file, stringify(tests));
    expect(run('promtool', 'test', 'rules', file)).toContain('SUCCESS');
  });
});
