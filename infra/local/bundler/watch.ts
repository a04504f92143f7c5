import { existsSync, watch } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import type { FSWatcher } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { context } from 'esbuild';
import type { Metafile, OutputFile } from 'esbuild';
import { bundleOptions, describeBuildError } from './bundle.ts';
import type { BundleOptions } from './bundle.ts';

/** What to do about a rebuild. */
export interface WatchListener {
  /** Called with the entries whose code is another one than before, where there are any. */
  onBuilt(changed: string[]): void | Promise<void>;
  onMistake(message: string): void;
}

const settleMs = 100;

/** Bundles once more whenever a file beside a bundled source changes; returns how to stop. */
export async function watchBundle(
  options: BundleOptions,
  firstBuild: Metafile,
  { onBuilt, onMistake }: WatchListener,
): Promise<() => Promise<void>> {
  const root = options.root ?? process.cwd();
  const builder = await context({ ...bundleOptions(options), write: false });
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let building: Promise<void> = Promise.resolve();

  // Each directory on its own: a recursive watch loses events on Linux.
  function follow({ inputs }: Metafile): void {
    const sources = Object.keys(inputs).filter((file) => !file.includes('node_modules/'));
    for (const directory of new Set(sources.map((file) => dirname(resolve(root, file))))) {
      if (!watchers.has(directory) && existsSync(directory)) {
        const watcher = watch(directory, rebuildSoon);
        watcher.on('error', () => watchers.delete(directory));
        watchers.set(directory, watcher);
      }
    }
  }

  function rebuildSoon(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      building = building.then(rebuild);
    }, settleMs);
  }

  async function rebuild(): Promise<void> {
    try {
      const { metafile, outputFiles } = await builder.rebuild();
      follow(metafile);
      const changed = await writeChanged(outputFiles, options.outDirectory);
      if (changed.length > 0) await onBuilt(changed);
    } catch (error) {
      onMistake(describeBuildError(error));
    }
  }

  follow(firstBuild);
  return async () => {
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
    await building;
    await builder.dispose();
  };
}

/**
 * Writes what differs from what is on disk, and returns the entries whose code it was; a comment changes the source map alone.
 * Each file is replaced in one step, since a process may load it at any time.
 */
async function writeChanged(files: readonly OutputFile[], outDirectory: string): Promise<string[]> {
  const changed: string[] = [];
  for (const { path, contents } of files) {
    const before = await readFile(path).catch(() => undefined);
    if (before?.equals(contents)) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, contents);
    await rename(`${path}.new`, path);
    if (path.endsWith('.mjs')) changed.push(relative(outDirectory, path).slice(0, -'.mjs'.length));
  }
  return changed;
}
