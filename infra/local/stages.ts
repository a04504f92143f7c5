import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

import { effectsOf } from '../changes/effects.ts';
import { settingsTable } from '../changes/table.ts';
import { readStage } from '../stages/read-stage.ts';
import { say } from './parts/console.ts';
import { rootDirectory } from './parts/directories.ts';
import { entry } from './parts/entry.ts';

const MARK = '<!-- stages -->';

// `npm run stages` writes the table of the settings, and of what changing each does, into docs/deploy.md.
await entry(async () => {
  const path = join(rootDirectory, 'docs', 'deploy.md');
  const [before, , after] = (await readFile(path, 'utf8')).split(MARK);
  const effects = [
    ...(await effectsOf('dev', readStage('dev'))).effects,
    ...(await effectsOf('prod', readStage('prod'))).effects,
  ];
  const text = [before, `\n\n${settingsTable(effects)}\n\n`, after].join(MARK);
  await writeFile(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
  say('docs/deploy.md has the table of the settings');
  return 0;
});
