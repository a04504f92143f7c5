import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { rootDirectory } from '../infra/dev/runtime/directories.ts';

const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: rootDirectory, encoding: 'utf8' })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(rootDirectory, file)));

const UNTRACKED = ['ls-files', '--others', '--exclude-standard', '-z'];

/**
 * Lists the files that the current branch has changed since it diverged from the branch `base`, including uncommitted
 * and untracked files.
 */
export function changedFiles(base: string): string[] {
  const start = execFileSync('git', ['merge-base', base, 'HEAD'], { cwd: rootDirectory, encoding: 'utf8' }).trim();
  return [...new Set([...git('diff', '--name-only', '-z', start), ...git(...UNTRACKED)])];
}

export function testsNaming(changed: readonly string[]): string[] {
  const tests = [...git('ls-files', '-z', 'test'), ...git(...UNTRACKED, 'test')].filter((file) =>
    file.endsWith('.test.ts'),
  );
  return tests.filter((test) => names(test, changed));
}

function names(test: string, files: readonly string[]): boolean {
  const text = readFileSync(join(rootDirectory, test), 'utf8');
  return files.some((file) => text.includes(file));
}

/**
 * Returns the feature that a file belongs to, which is the name of the file's folder: `inbox` for
 * `test/unit/inbox/commit.test.ts`.
 */
const featureOf = (file: string): string | undefined =>
  /^(?:lib|infra|test\/unit|test\/integration)\/([^/]+)\//.exec(file)?.[1];

/**
 * Selects the tests to run after each change: all unit, contract and model tests, and the integration tests that belong
 * to a changed feature or mention the path of a changed file.
 */
export function quickTests(tests: readonly string[], changed: readonly string[]): string[] {
  const features = new Set(changed.flatMap((file) => featureOf(file) ?? []));
  // Many tests mention a name such as package.json without meaning the file in the root, so files in the root are
  // ignored.
  const paths = changed.filter((file) => file.includes('/'));
  return [...new Set(tests)].filter((test) => {
    const folder = test.split('/')[1]!;
    if (folder !== 'integration') return ['unit', 'contract', 'model'].includes(folder);
    return features.has(featureOf(test)!) || changed.includes(test) || names(test, paths);
  });
}
