import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';

import { helpOf, overviewOf } from '../../../infra/dev/commands/command.ts';
import { commands } from '../../../infra/dev/commands/table.ts';
import { findProject } from '../../../infra/dev/project/find-project.mjs';
import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'surehop-project-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the help text', () => {
  test('surehop --help lists every command with its summary', () => {
    const text = overviewOf(commands);
    for (const name of Object.keys(commands)) expect(text).toContain(`  ${name} `);
    for (const { summary } of Object.values(commands)) expect(text).toContain(summary);
  });

  test.each(Object.entries(commands))('surehop %s --help explains the usage and every option', async (name, listed) => {
    const { command } = await listed.load();
    const text = helpOf(name, listed.summary, command);
    expect(text).toMatch(new RegExp(`^ {2}surehop ${name}`));
    for (const [option, { meaning }] of Object.entries(command.options ?? {}))
      expect(text).toMatch(new RegExp(`--${option} .*${meaning.slice(0, 20).replaceAll(/[^\w ]/g, '.')}`));
    expect(text.split('\n').every((line) => !line.endsWith(' '))).toBe(true);
  });
});

describe('the npm packages that a command imports', () => {
  /** Returns the npm packages that a module of surehop-dev imports statically, directly or through other modules. */
  function packagesOf(module: string): string[] {
    const { metafile } = buildSync({
      absWorkingDir: rootDirectory,
      entryPoints: [`./infra/dev/${module}`],
      outdir: 'never-written',
      write: false,
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      external: ['esbuild', 'testcontainers'],
      metafile: true,
      logLevel: 'silent',
    });
    const files = new Set([`infra/dev/${module}`]);
    for (const file of files)
      for (const { path, kind, external } of metafile.inputs[file]!.imports)
        if (kind !== 'dynamic-import' && !external) files.add(path);
    return [...new Set([...files].flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []))];
  }

  // Imports take most of the time of a short command.
  test.each([
    ['main.ts', []],
    ['commands/dead-letters.ts', []],
    ['commands/trace.ts', []],
    ['commands/token.ts', ['jose']],
    ['commands/send.ts', ['standardwebhooks', '@stablelib/base64', 'fast-sha256']],
  ])('the module %s of surehop-dev imports only the npm packages %j', (module, packages) => {
    expect(packagesOf(module).toSorted()).toEqual(packages.toSorted());
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

  test('a command that is run in the folder of the broker stack finds the project of the service, although the folder of the broker stack has its own serverless.yml', () => {
    writeFileSync(join(project, 'infra/topology.ts'), '');
    expect(findProject(join(project, 'infra/broker'))).toBe(project);
  });
});
