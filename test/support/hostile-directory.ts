import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Characters that mean something in a URL, a glob, a regular expression, a replacement, a shell, or that are not ASCII. */
const HOSTILE = `sure hop#1 %41 订单 (a)+[b]{c}*^|;~! it's "d" $& $HOME`;

/** A directory of its own for a test, at a path that breaks whoever takes a path for a URL or a pattern. */
export function aHostileDirectory(name: string): string {
  const directory = join(mkdtempSync(join(tmpdir(), `surehop-${name}-`)), HOSTILE);
  mkdirSync(directory);
  return directory;
}
