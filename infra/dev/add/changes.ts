import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { UsageError } from '../commands/command.ts';
import { compact } from './check-typescript.ts';

/** Collects the files that `surehop add` creates and edits. No file is written before `write` is called. */
export class Changes {
  readonly #root: string;
  readonly #after = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Returns the content of a file, including changes that are not written yet. Returns undefined if the file does not
   * exist.
   */
  read(file: string): string | undefined {
    return this.#after.get(file) ?? this.#before(file);
  }

  /** Edits a file. The function `change` gets the file's text without a byte-order mark and with line feeds only; the edited file has the byte-order mark and the line ends of the original file. */
  edit(file: string, change: (text: string) => string): void {
    const text = this.read(file);
    if (text === undefined) throw new UsageError(`the file ${file} is missing: create it first`);
    const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
    const lines = text.slice(mark.length).replaceAll('\r\n', '\n');
    const changed = change(lines);
    if (changed !== lines)
      this.#after.set(file, mark + (text.includes('\r\n') ? changed.replaceAll('\n', '\r\n') : changed));
  }

  /** Creates a file. Throws an error if the file exists with different content. */
  create(file: string, content: string): void {
    const existing = this.read(file);
    if (existing !== undefined && existing !== content)
      throw new UsageError(
        `the file ${file} exists already and was not overwritten: choose another name, or delete the file`,
      );
    this.#after.set(file, content);
  }

  /**
   * Creates a file as `create` does. If `isKnown` is true, the service already contains what `surehop add` adds. The
   * file is then kept if it exists, because the user may have edited it since an earlier `surehop add`.
   */
  createUnless(isKnown: boolean, file: string, content: string): void {
    if (!(isKnown && this.read(file) !== undefined)) this.create(file, content);
  }

  /** Returns the changed files as lines of a diff, each file with the lines that are added and removed. */
  diff(): string[] {
    return this.#changed().flatMap(([file, after]) => {
      const before = this.#before(file);
      return [
        before === undefined ? '--- /dev/null' : `--- ${file}`,
        `+++ ${file}`,
        ...hunks(before?.split('\n') ?? [], after.split('\n')),
      ];
    });
  }

  /** Writes the changed files. Returns one line of output for each file. */
  write(): string[] {
    return this.#changed().map(([file, content]) => {
      const isNew = this.#before(file) === undefined;
      const path = join(this.#root, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      return `${isNew ? 'created' : 'changed'} ${file}`;
    });
  }

  /**
   * Returns the files that `surehop add` would change, with their new content. Throws an error if a changed .ts file
   * would not be a valid TypeScript module.
   */
  #changed(): (readonly [file: string, after: string])[] {
    const changed = [...this.#after].filter(([file, after]) => this.#before(file) !== after);
    for (const [file, after] of changed)
      if (file.endsWith('.ts')) compact(file, after, 'choose another name, or make the change by hand');
    return changed;
  }

  #before(file: string): string | undefined {
    const path = join(this.#root, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }
}

/**
 * Returns the removed and added lines between two versions of a file. Each group of changed lines begins with its line
 * number in the new version.
 */
function hunks(old: readonly string[], now: readonly string[]): string[] {
  const common = commonLines(old, now);
  const lines: string[] = [];
  let [o, n] = [0, 0];
  let isInHunk = false;
  while (o < old.length || n < now.length) {
    if (o < old.length && n < now.length && old[o] === now[n]) {
      isInHunk = false;
      o += 1;
      n += 1;
      continue;
    }
    if (!isInHunk) lines.push(`@@ line ${n + 1} @@`);
    isInHunk = true;
    const isRemoved = o < old.length && (n === now.length || common[o + 1]![n]! >= common[o]![n + 1]!);
    lines.push(isRemoved ? `-${old[o++]}` : `+${now[n++]}`);
  }
  return lines;
}

function commonLines(old: readonly string[], now: readonly string[]): number[][] {
  const common = Array.from({ length: old.length + 1 }, () => Array.from({ length: now.length + 1 }, () => 0));
  for (let o = old.length - 1; o >= 0; o -= 1)
    for (let n = now.length - 1; n >= 0; n -= 1)
      common[o]![n] = old[o] === now[n] ? common[o + 1]![n + 1]! + 1 : Math.max(common[o + 1]![n]!, common[o]![n + 1]!);
  return common;
}
