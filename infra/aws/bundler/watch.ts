import { createHash } from 'node:crypto';
import { existsSync, readFileSync, watch } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import type { FSWatcher } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { context } from 'esbuild';
import type { Metafile, OutputFile } from 'esbuild';
import { bundleOptions, onlyUsed, split } from './bundle.ts';
import type { BundleOptions } from './bundle.ts';
import { describeBuildError } from './describe-build-error.ts';

export interface WatchListener {
  /**
   * Called when a rebuild has changed the bundles of functions, with the paths of these functions' modules. Also called
   * when a rebuild succeeds after a failed one; the list is then empty if no bundle has changed.
   */
  onBuilt(changed: string[]): void | Promise<void>;
  onMistake(message: string): void;
}

const settleMs = 100;

/**
 * Rebuilds the functions when a file changes in a directory that contains one of their source files. Returns a function
 * that stops watching.
 */
export async function watchBundle(
  options: BundleOptions,
  firstBuild: Metafile,
  { onBuilt, onMistake }: WatchListener,
): Promise<() => Promise<void>> {
  const root = options.root ?? process.cwd();
  const builder = await context({ ...bundleOptions(options), ...split, write: false });
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let building: Promise<void> = Promise.resolve();
  let reported: string | undefined;
  let codes = codeOf(firstBuild, (file) => readFileSync(resolve(root, file), 'utf8'));

  // Each directory has its own watcher, because recursive watchers lose events on Linux.
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
    const hasFailed = reported !== undefined;
    try {
      const rebuilt = await builder.rebuild();
      const metafile = onlyUsed(rebuilt.metafile);
      const used = new Set(Object.keys(metafile.outputs).map((file) => resolve(root, file)));
      const outputFiles = rebuilt.outputFiles.filter(({ path }) => used.has(path));
      reported = undefined;
      follow(metafile);
      await writeChanged(outputFiles);
      const contents = new Map(outputFiles.map(({ path, text }) => [path, text]));
      const now = codeOf(metafile, (file) => contents.get(resolve(root, file)) ?? '');
      const changed = [...now].filter(([entry, code]) => codes.get(entry) !== code).map(([entry]) => entry);
      codes = now;
      if (changed.length > 0 || hasFailed)
        await onBuilt(
          changed.map((entry) => relative(options.outDirectory, resolve(root, entry)).slice(0, -'.mjs'.length)),
        );
    } catch (error) {
      const mistake = describeBuildError(error);
      // One edit can trigger several rebuilds, so the same mistake is reported only once.
      if (mistake !== reported) onMistake(mistake);
      reported = mistake;
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

async function writeChanged(files: readonly OutputFile[]): Promise<void> {
  const isEntry = ({ path }: OutputFile) => Number(!path.includes('/chunks/'));
  for (const { path, contents } of files.toSorted((one, other) => isEntry(one) - isEntry(other))) {
    const before = await readFile(path).catch(() => undefined);
    if (before?.equals(contents)) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, contents);
    await rename(`${path}.new`, path);
  }
}

function codeOf({ outputs }: Metafile, read: (file: string) => string): Map<string, string> {
  const codes = new Map<string, string>();
  for (const [entry, { entryPoint }] of Object.entries(outputs)) {
    if (entryPoint === undefined || !entry.endsWith('.mjs') || entry.includes('/chunks/')) continue;
    const hash = createHash('sha256');
    const files = new Set([entry]);
    for (const file of files) {
      hash.update(read(file).replaceAll(/-[A-Z0-9]{8}(?=\.mjs)/g, ''));
      for (const { path } of outputs[file]?.imports ?? []) if (outputs[path]) files.add(path);
    }
    codes.set(entry, hash.digest('hex'));
  }
  return codes;
}
