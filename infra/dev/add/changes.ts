import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { UsageError } from '../commands/command.ts';

/** The files that a command creates and edits. Nothing is written before `write` is called. */
export class Changes {
  readonly #root: string;
  readonly #after = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Returns the content of a file with the changes so far, or undefined if there is no such file. */
  read(file: string): string | undefined {
    return this.#after.get(file) ?? this.#before(file);
  }

  /** Edits an existing file. */
  edit(file: string, change: (text: string) => string): void {
    const text = this.read(file);
    if (text === undefined) throw new UsageError(`${file} is missing: create it first`);
    this.#after.set(file, change(text));
  }

  /** Creates a file. An existing file with different content is not overwritten. */
  create(file: string, content: string): void {
    const existing = this.read(file);
    if (existing !== undefined && existing !== content)
      throw new UsageError(`${file} exists already and was not overwritten: choose another name, or delete the file`);
    this.#after.set(file, content);
  }

  /**
   * Creates a file, unless the command has created the file before, because the user may have edited the file since
   * then.
   */
  createUnless(isKnown: boolean, file: string, content: string): void {
    if (!(isKnown && this.read(file) !== undefined)) this.create(file, content);
  }

  /** Returns the changed files as lines of a diff, each file with the lines that are added and removed. */
  diff(): string[] {
    return this.#changed().flatMap(([file, after]) => {
      const before = this.#before(file);
      const [old, now] = [before?.split('\n') ?? [], after.split('\n')];
      let start = 0;
      while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
      let end = 0;
      while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
      const removed = old.slice(start, old.length - end);
      const added = now.slice(start, now.length - end);
      return [
        before === undefined ? '--- /dev/null' : `--- ${file}`,
        `+++ ${file}`,
        `@@ line ${start + 1} @@`,
        ...removed.map((line) => `-${line}`),
        ...added.map((line) => `+${line}`),
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

  #changed(): (readonly [file: string, after: string])[] {
    return [...this.#after].filter(([file, after]) => this.#before(file) !== after);
  }

  #before(file: string): string | undefined {
    const path = join(this.#root, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }
}
