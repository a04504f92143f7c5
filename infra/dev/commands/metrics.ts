import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { say } from '../runtime/command-line.ts';
import { rootDirectory } from '../runtime/directories.ts';
import { defineCommand } from './command.ts';

export const command = defineCommand({
  usage: [''],
  details: [
    'The command writes alerts.yml and cloudwatch-exporter.yml to docs/observability, and dashboard.json if the package @grafana/grafana-foundation-sdk is installed. If docs/observability.md exists, the command also writes the tables between its marks <!-- metrics --> and <!-- only-cloudwatch -->.',
  ],
  needs: 'definitions',
  async run() {
    const { generatedFiles } = await import('../metrics/generated.ts');
    for (const [path, text] of Object.entries(await generatedFiles())) {
      const file = join(rootDirectory, path);
      if (existsSync(file) && (await readFile(file, 'utf8')) === text) {
        say(`unchanged ${path}`);
        continue;
      }
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      say(`updated ${path}`);
    }
    return 0;
  },
});
