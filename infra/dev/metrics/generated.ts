import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { rootDirectory } from '../runtime/directories.ts';
import { ruleFile } from './alerts.ts';
import { exporterConfig } from './cloudwatch-exporter.ts';
import { localAlarms } from './local-alarms.ts';
import { metricsTable, onlyInCloudWatch } from './tables.ts';

const PAGE = 'docs/observability.md';

/** Returns the contents of all files that are generated from the metrics and alarms, by their paths in the project. */
export async function generatedFiles(): Promise<Readonly<Record<string, string>>> {
  const alarms = localAlarms();
  const files: Record<string, string> = {
    'docs/observability/alerts.yml': ruleFile(alarms),
    'docs/observability/cloudwatch-exporter.yml': exporterConfig(Object.values(alarms).flat()),
  };
  // This module imports Grafana's Foundation SDK, which a project may not have installed.
  const grafana = await import('./grafana.ts').catch(() => undefined);
  if (grafana) files['docs/observability/dashboard.json'] = grafana.grafanaDashboard();
  if (existsSync(join(rootDirectory, PAGE))) {
    let text = await readFile(join(rootDirectory, PAGE), 'utf8');
    for (const [mark, table] of [
      ['<!-- metrics -->', metricsTable()],
      ['<!-- only-cloudwatch -->', onlyInCloudWatch(alarms)],
    ] as const) {
      const [before, , after] = text.split(mark);
      if (after !== undefined) text = [before, `\n\n${table}\n\n`, after].join(mark);
    }
    files[PAGE] = text;
  }
  const formatted = Object.entries(files).map(async ([path, content]) => [path, await format(path, content)]);
  return Object.fromEntries(await Promise.all(formatted)) as Record<string, string>;
}

/** Formats a file with prettier if the project has installed prettier. */
async function format(path: string, content: string): Promise<string> {
  const prettier = await import('prettier').catch(() => undefined);
  if (prettier === undefined) return content;
  const filepath = join(rootDirectory, path);
  return prettier.format(content, { ...(await prettier.resolveConfig(filepath)), filepath });
}
