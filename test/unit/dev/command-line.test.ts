import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, jest, test } from '@jest/globals';

import { helpOf, overviewOf } from '../../../infra/dev/commands/command.ts';
import { commands } from '../../../infra/dev/commands/table.ts';
import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';
import { findProject, missingModules } from '../../../infra/dev/project/find-project.mjs';

// Each command starts a process, which takes long on a busy machine.
jest.setTimeout(300_000);

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'surehop-project-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function surehop(cwd: string, ...args: string[]) {
  const bin = join(rootDirectory, 'infra/dev/surehop.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd, encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

describe('the help text', () => {
  test('surehop --help lists every command with its summary', () => {
    const text = overviewOf(commands);
    for (const name of Object.keys(commands)) expect(text).toContain(`  ${name} `);
    for (const { summary } of Object.values(commands)) expect(text).toContain(summary);
  });

  test.each(Object.entries(commands))('surehop %s --help explains the usage and every option', (name, command) => {
    const text = helpOf(name, command);
    expect(text).toMatch(new RegExp(`^ {2}surehop ${name}`));
    for (const [option, { meaning }] of Object.entries(command.options ?? {}))
      expect(text).toMatch(new RegExp(`--${option} .*${meaning.slice(0, 20).replaceAll(/[^\w ]/g, '.')}`));
    expect(text.split('\n').every((line) => !line.endsWith(' '))).toBe(true);
  });
});

describe('surehop outside of a project', () => {
  test('surehop --help and the help of a command work', () => {
    expect(surehop(folder, '--help')).toMatchObject({ status: 0, said: `${overviewOf(commands)}\n` });
    expect(surehop(folder, 'start', '--help')).toMatchObject({
      status: 0,
      said: `${helpOf('start', commands['start']!)}\n`,
    });
  });

  test('a command that needs a project says that there is no serverless.yml', () => {
    const { status, said } = surehop(folder, 'start');
    expect(status).toBe(2);
    expect(said).toMatch(/^surehop: surehop start needs a project, and neither .* has a serverless\.yml; .*\n$/);
  });

  test.each([
    [['topolgy'], 'surehop: unknown command "topolgy"; did you mean topology?\n'],
    [['frobnicate'], `surehop: unknown command "frobnicate"; the commands are ${Object.keys(commands).join(', ')}\n`],
    [
      ['token', '--scop', 'x'],
      `surehop: Unknown option '--scop'\n  surehop token ${commands['token']!.usage[0]}\nsurehop token --help explains the options\n`,
    ],
  ])('a wrong command line ends with exit code 2 and says what is wrong (%j)', (args, said) => {
    expect(surehop(folder, ...args)).toEqual({ status: 2, said });
  });
});

describe('the project to which a folder belongs', () => {
  const project = join(folder, 'shop');
  mkdirSync(join(project, 'infra/broker'), { recursive: true });
  mkdirSync(join(project, 'functions/orders'), { recursive: true });
  writeFileSync(join(project, 'serverless.yml'), '');
  writeFileSync(join(project, 'infra/broker/serverless.yml'), '');

  test('the project of a folder is the nearest folder above it with a serverless.yml', () => {
    expect(findProject(join(project, 'functions/orders'))).toBe(project);
    expect(findProject(project)).toBe(project);
    expect(findProject(folder)).toBeUndefined();
  });

  test('the error of a command names each missing module, and what this module must export', () => {
    const { status, said } = surehop(join(project, 'functions'), 'token', '--scope', 'status:read');
    expect(status).toBe(2);
    expect(said).toBe(`surehop: ${missingModules(project).join('\n')}\n`);
    expect(missingModules(project)).toContain(
      `infra/tables.ts is missing in ${project}: create it, and export \`tables\`, the DynamoDB tables of the service`,
    );
  });

  test('a command in the folder of the broker stack belongs to the project of the service, although the folder has its own serverless.yml', () => {
    writeFileSync(join(project, 'infra/topology.ts'), '');
    expect(findProject(join(project, 'infra/broker'))).toBe(project);
  });
});
