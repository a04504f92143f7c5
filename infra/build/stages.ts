import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

import { effectsOf } from '../aws/changes/effects.ts';
import { settingsTable } from '../aws/changes/table.ts';
import { templatesOf } from '../aws/changes/templates.ts';
import { costsTable } from '../aws/costs.ts';
import { stages } from '../stages/all.ts';
import { readStage } from '../stages/read-stage.ts';
import { entry, say } from '../dev/runtime/command-line.ts';
import { rootDirectory } from '../dev/runtime/directories.ts';

// `npm run stages` writes two tables of docs/deploy.md: one with the effect of changing each setting, and one with the costs of
// the stages.
await entry(async () => {
  const path = join(rootDirectory, 'docs', 'deploy.md');
  const effects = [
    ...(await effectsOf('dev', readStage('dev'))).effects,
    ...(await effectsOf('prod', readStage('prod'))).effects,
  ];
  const templates: Record<string, Awaited<ReturnType<typeof templatesOf>>> = {};
  for (const name of Object.keys(stages)) templates[name] = await templatesOf(name, readStage(name));
  let text = await readFile(path, 'utf8');
  for (const [mark, table] of [
    ['<!-- stages -->', settingsTable(effects)],
    ['<!-- costs -->', costsTable(templates)],
  ] as const) {
    const [before, , after] = text.split(mark);
    text = [before, `\n\n${table}\n\n`, after].join(mark);
  }
  await writeFile(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
  say('updated the tables of settings and costs in docs/deploy.md');
  return 0;
});
