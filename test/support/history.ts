import { execFileSync } from 'node:child_process';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';

export const git = (...args: string[]): Buffer =>
  execFileSync('git', ['-C', rootDirectory, ...args], { maxBuffer: 100_000_000, stdio: 'pipe' });

/** Returns why Git cannot read a commit of this repository, or `undefined` if it can. */
export function whyUnreadable(commit: string): string | undefined {
  try {
    git('cat-file', '-e', `${commit}^{commit}`);
    return undefined;
  } catch {
    return `the commit ${commit} is not in this clone, which has no history of its own or too little`;
  }
}
