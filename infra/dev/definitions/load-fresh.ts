import { pathToFileURL } from 'node:url';
import { readFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { describeBuildError } from '../../aws/bundler/bundle.ts';

/** An edit that does not compile; `files` are those that the mistakes are in. */
export class MistakeError extends Error {
  override readonly name = 'MistakeError';
  readonly files: readonly string[];

  constructor(error: unknown) {
    super(describeBuildError(error).replaceAll('\n', '; '), { cause: error });
    const { errors = [] } = error as { errors?: readonly { location?: { file: string } | null }[] };
    this.files = errors.flatMap(({ location }) => (location ? [location.file] : []));
  }
}

/** A module that looks for a file beside it does so where its source is. */
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

/** Imports a TypeScript module as it is on disk now, with all that it imports: Node itself would give the first version again. */
export async function loadFresh<T>(entry: string, root: string): Promise<T> {
  let code: string;
  try {
    const { outputFiles } = await build({
      // Relative: a star in an absolute path would make it a glob.
      entryPoints: [`./${relative(root, entry)}`],
      absWorkingDir: root,
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      mainFields: ['module', 'main'],
      // Dependencies that are CommonJS call require for Node's own modules; a data: URL is no place to resolve from.
      banner: {
        js: `import{createRequire as __createRequire}from'node:module';const require=__createRequire(${JSON.stringify(pathToFileURL(entry).href)});`,
      },
      plugins: [ownAddresses],
      logLevel: 'silent',
    });
    code = outputFiles[0]!.text;
  } catch (error) {
    throw new MistakeError(error);
  }
  return (await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)) as T;
}
