import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Characters with a meaning in URLs, globs, regular expressions, replacement texts or shells, and characters outside ASCII. */
const HOSTILE = `sure hop#1 %41 订单 (a)+[b]{c}*^|;~! it's "d" $& $HOME`;

/** Creates a directory at a path that breaks code which uses the path as a URL or a pattern. */
export function aHostileDirectory(name: string): string {
  const directory = join(mkdtempSync(join(tmpdir(), `surehop-${name}-`)), HOSTILE);
  mkdirSync(directory);
  return directory;
}
