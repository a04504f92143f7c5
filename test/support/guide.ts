import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { buildSync } from 'esbuild';

import { resourcesOf } from '../../infra/aws/foundation/table-resources.ts';
import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { createTables, localTables } from '../../infra/dev/runtime/store/tables.ts';
import type { AnyTable } from '../../lib/dynamodb/tables.ts';

/** Defines `require` in a bundled ES module, for the CommonJS packages in it. */
export const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** A page in docs/guides. Tests execute its code blocks. */
export interface Guide {
  blocks(language: string): string[];
  /** Compiles the page's TypeScript block number `index`, counted from 0, and returns the module. */
  load<Module>(index: number): Promise<Module>;
  remove(): void;
}

export function aGuide(page: string): Guide {
  const text = readFileSync(join(rootDirectory, 'docs/guides', page), 'utf8');
  const directory = mkdtempSync(join(tmpdir(), 'surehop-guide-'));
  const blocks = (language: string) =>
    [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code]) => code!);
  return {
    blocks,
    async load<Module>(index: number) {
      const outfile = join(directory, `example-${index}.mjs`);
      buildSync({
        stdin: { contents: blocks('ts')[index]!, resolveDir: rootDirectory, loader: 'ts' },
        outfile,
        bundle: true,
        platform: 'node',
        format: 'esm',
        banner: { js: BANNER },
      });
      return (await import(pathToFileURL(outfile).href)) as Module;
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Creates the tables that the examples of a guide define. */
export const createGuideTables = (prefix: string, tables: readonly AnyTable[]): Promise<string[]> =>
  createTables({ endpoint: process.env.DYNAMODB_ENDPOINT!, prefix, tables: localTables(resourcesOf(tables, prefix)) });
