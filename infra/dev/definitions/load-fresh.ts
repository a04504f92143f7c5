import { pathToFileURL } from 'node:url';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { describeBuildError } from 'serverless-surehop/build-errors';

/** Thrown when source files do not compile. `files` are the source files that contain mistakes. */
export class MistakeError extends Error {
  override readonly name = 'MistakeError';
  readonly files: readonly string[];

  constructor(error: unknown) {
    super(describeBuildError(error).replaceAll('\n', '; '), { cause: error });
    const { errors = [] } = error as { errors?: readonly { location?: { file: string } | null }[] };
    this.files = errors.flatMap(({ location }) => (location ? [location.file] : []));
  }
}

/** An esbuild plugin that sets `import.meta.url` and `import.meta.dirname` to the location of each source file. */
const ownAddresses: Plugin = {
  name: 'own-addresses',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8'))
        .replaceAll('import.meta.url', () => JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', () => JSON.stringify(dirname(path))),
      loader: 'ts',
    }));
  },
};

/** An esbuild plugin that resolves the imports `@service/…` of a published package to modules of the project. */
const ofProject = (root: string): Plugin => ({
  name: 'of-project',
  setup({ onResolve }) {
    onResolve({ filter: /^@service\// }, ({ path }) => ({ path: join(root, path.slice('@service/'.length)) }));
  },
});

/**
 * Imports the current version of a TypeScript module from disk, with the modules that it imports. A plain `import()`
 * would return the version that Node loaded first.
 */
export async function loadFresh<T>(entry: string, root: string): Promise<T> {
  let code: string;
  try {
    const { outputFiles } = await build({
      // The path is relative because esbuild reads a star in an absolute path as a glob pattern.
      entryPoints: [`./${relative(root, entry)}`],
      absWorkingDir: root,
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      mainFields: ['module', 'main'],
      // Bundled CommonJS packages call `require`, which cannot resolve modules from a data: URL.
      banner: {
        js: `import{createRequire as __createRequire}from'node:module';const require=__createRequire(${JSON.stringify(pathToFileURL(entry).href)});`,
      },
      plugins: [ownAddresses, ofProject(root)],
      logLevel: 'silent',
    });
    code = outputFiles[0]!.text;
  } catch (error) {
    throw new MistakeError(error);
  }
  return (await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)) as T;
}
