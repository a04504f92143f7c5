import { existsSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { context } from 'esbuild';
import type { Metafile } from 'esbuild';
import { bundleOptions, describeBuildError } from './bundle.ts';
import type { BundleOptions } from './bundle.ts';

/** What to do about a rebuild. */
export interface WatchListener {
  onBuilt(): void | Promise<void>;
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
  const builder = await context(bundleOptions(options));
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
      follow((await builder.rebuild()).metafile);
      await onBuilt();
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
