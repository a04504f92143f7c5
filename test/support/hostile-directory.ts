import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory name with characters that have a special meaning in URLs, globs, regular expressions or shells. */
const HOSTILE = `sure hop#1 %41 订单 (a)+[b]{c}*^|;~! it's "d" $& $HOME`;

/** Creates a temporary directory whose path contains special characters. */
export function aHostileDirectory(name: string): string {
  const directory = join(mkdtempSync(join(tmpdir(), `surehop-${name}-`)), HOSTILE);
  mkdirSync(directory);
  return directory;
}
