import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, jest, test } from '@jest/globals';

import { helpOf, overviewOf } from '../../infra/dev/commands/command.ts';
import { commands } from '../../infra/dev/commands/table.ts';
import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { missingModules } from '../../infra/dev/project/find-project.mjs';

// Each command starts a process, which takes long on a busy machine.
jest.setTimeout(300_000);

const { command: token } = await commands['token']!.load();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'surehop-project-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function surehop(cwd: string, ...args: string[]) {
  const bin = join(rootDirectory, 'infra/dev/surehop.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd, encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

describe('surehop outside of a project', () => {
  test('surehop --help lists the commands, and the option --help of a command explains the command', async () => {
    expect(surehop(folder, '--help')).toMatchObject({ status: 0, said: `${overviewOf(commands)}\n` });
    const { summary, load } = commands['start']!;
    expect(surehop(folder, 'start', '--help')).toMatchObject({
      status: 0,
      said: `${helpOf('start', summary, (await load()).command)}\n`,
    });
  });

  test('a command that needs a project reports that serverless.yml is missing', () => {
    const { status, said } = surehop(folder, 'start');
    expect(status).toBe(2);
    expect(said).toMatch(/^surehop: surehop start needs a project, and neither .* has a serverless\.yml; .*\n$/);
  });

  test.each([
    [['topolgy'], 'surehop: unknown command "topolgy"; did you mean topology?\n'],
    [['frobnicate'], `surehop: unknown command "frobnicate"; the commands are ${Object.keys(commands).join(', ')}\n`],
    [
      ['token', '--scop', 'x'],
      `surehop: Unknown option '--scop'\n  surehop token ${token.usage[0]}\nsurehop token --help explains the options\n`,
    ],
  ])('a wrong command line ends with exit code 2 and says what is wrong (%j)', (args, said) => {
    expect(surehop(folder, ...args)).toEqual({ status: 2, said });
  });
});

test('if a project lacks modules that a command needs, the error names each module and what the module must export', () => {
  const project = join(folder, 'shop');
  mkdirSync(join(project, 'infra/broker'), { recursive: true });
  mkdirSync(join(project, 'functions/orders'), { recursive: true });
  writeFileSync(join(project, 'serverless.yml'), '');
  writeFileSync(join(project, 'infra/broker/serverless.yml'), '');
  const { status, said } = surehop(join(project, 'functions'), 'token', '--scope', 'status:read');
  expect(status).toBe(2);
  expect(said).toBe(`surehop: ${missingModules(project).join('\n')}\n`);
  expect(missingModules(project)).toContain(
    `infra/tables.ts is missing in ${project}: create it, and export \`tables\`, the DynamoDB tables of the service`,
  );
});
