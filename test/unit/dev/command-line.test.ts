import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';

import { helpOf, overviewOf } from '../../../infra/dev/commands/command.ts';
import { commands } from '../../../infra/dev/commands/table.ts';
import { findProject } from '../../../infra/dev/project/find-project.mjs';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'surehop-project-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

  test('a command in the folder of the broker stack belongs to the project of the service, although the folder has its own serverless.yml', () => {
    writeFileSync(join(project, 'infra/topology.ts'), '');
    expect(findProject(join(project, 'infra/broker'))).toBe(project);
  });
});
