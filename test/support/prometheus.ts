import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';

import { openApt } from '../../infra/dev/runtime/broker/apt.mjs';
import { reasonOf } from '../../infra/dev/runtime/command-line.ts';
import { localDirectory } from '../../infra/dev/runtime/directories.ts';
import { run } from '../../infra/dev/runtime/run-command.mjs';
import { readSettings } from '../../infra/dev/runtime/settings.ts';

const PROGRAMS = ['promtool', 'prometheus', 'prometheus-alertmanager', 'amtool'] as const;
const PACKAGES = ['prometheus', 'prometheus-alertmanager'];

type Programs = Readonly<Record<(typeof PROGRAMS)[number], string>>;

/**
 * Finds Prometheus, promtool and Alertmanager on PATH, or downloads Debian's packages. Returns a reason if neither is
 * possible.
 */
export async function findPrometheus(): Promise<Programs | { readonly missing: string }> {
  const installed = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(programsIn)
    .find((found) => found !== undefined);
  if (installed) return installed;
  const directory = join(readSettings({ ...process.env, STAGE: '' }, localDirectory).cacheDirectory, 'observability');
  const bin = join(directory, 'root', 'usr', 'bin');
  const unpacked = programsIn(bin);
  if (unpacked) return unpacked;
  try {
    mkdirSync(directory, { recursive: true });
    const scratch = mkdtempSync(join(directory, 'unpacking-'));
    try {
      const apt = await openApt({ package: PACKAGES[0]!, stateDirectory: join(scratch, 'apt'), say: () => {} });
      await apt.download(PACKAGES, scratch);
      const root = join(scratch, 'root');
      for (const archive of readdirSync(scratch).filter((name) => name.endsWith('.deb')))
        await run('dpkg-deb', ['--extract', join(scratch, archive), root]);
      useOwnTemplate(root);
      if (!existsSync(join(directory, 'root'))) renameSync(root, join(directory, 'root'));
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    return programsIn(bin) ?? { missing: `the packages unpacked in ${directory} are incomplete` };
  } catch (error) {
    return { missing: `Prometheus is not installed, and Debian's packages cannot be unpacked: ${reasonOf(error)}` };
  }
}

const TEMPLATES = '/usr/share/prometheus/alertmanager';

// The program also contains longer paths that start with TEMPLATES.
const WEB_PAGE = /^\/(no-)?ui/;

/**
 * Makes Debian's Alertmanager read its notification templates from the working directory, instead of from the absolute
 * path that is compiled into the program.
 */
function useOwnTemplate(root: string): void {
  const file = join(root, 'usr', 'bin', 'prometheus-alertmanager');
  const program = readFileSync(file);
  const { length } = TEMPLATES;
  let at = program.indexOf(TEMPLATES);
  while (WEB_PAGE.test(program.toString('latin1', at + length, at + length + 6)))
    at = program.indexOf(TEMPLATES, at + 1);
  if (at === -1)
    throw new Error(
      `cannot replace the template directory that is compiled into Alertmanager: its executable file does not contain the path ${TEMPLATES}`,
    );
  program.write('.'.padEnd(length, '/'), at);
  writeFileSync(file, program);
  for (const name of readdirSync(join(root, TEMPLATES)).filter((entry) => entry.endsWith('.tmpl')))
    copyFileSync(join(root, TEMPLATES, name), join(root, 'usr', 'bin', name));
}

function programsIn(directory: string): Programs | undefined {
  const paths = PROGRAMS.map((name) => [name, join(directory, name)] as const);
  return paths.every(([, path]) => existsSync(path)) ? (Object.fromEntries(paths) as Programs) : undefined;
}
