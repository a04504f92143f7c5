import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

import { rootDirectory } from '../runtime/directories.ts';
import { ruleFile } from './alerts.ts';
import { localAlarms } from './local-alarms.ts';
import { metricsTable, onlyInCloudWatch } from './tables.ts';

/** Returns the contents of all files that are generated from the metrics and alarms, by their paths in the repository. */
export async function generatedFiles(): Promise<Readonly<Record<string, string>>> {
  const alarms = localAlarms();
  const page = join(rootDirectory, 'docs', 'observability.md');
  let text = await readFile(page, 'utf8');
  for (const [mark, table] of [
    ['<!-- metrics -->', metricsTable()],
    ['<!-- only-cloudwatch -->', onlyInCloudWatch(alarms)],
  ] as const) {
    const [before, , after] = text.split(mark);
    text = [before, `\n\n${table}\n\n`, after].join(mark);
  }
  const files = { 'docs/observability.md': text, 'docs/observability/alerts.yml': ruleFile(alarms) };
  const formatted = Object.entries(files).map(async ([path, content]) => {
    const filepath = join(rootDirectory, path);
    return [path, await format(content, { ...(await resolveConfig(filepath)), filepath })];
  });
  return Object.fromEntries(await Promise.all(formatted)) as Record<string, string>;
}
