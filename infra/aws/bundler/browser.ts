import { dirname, relative } from 'node:path';
import { build } from 'esbuild';
import type { Metafile, Plugin } from 'esbuild';

const PREFIX = 'browser:';

/**
 * An esbuild plugin for functions that serve a web page. The module `browser:./main.tsx` has two exports: the minified
 * script of `./main.tsx`, and the style sheets that `./main.tsx` imports.
 */
export const browserScripts: Plugin = {
  name: 'browser-scripts',
  setup({ initialOptions: { absWorkingDir: root = process.cwd() }, onResolve, onLoad, onEnd, resolve }) {
    const sources: Metafile['inputs'] = {};
    onResolve({ filter: /^browser:/ }, async ({ path, kind, resolveDir }) => {
      const { errors, path: file } = await resolve(path.slice(PREFIX.length), { kind, resolveDir });
      return { errors, path: file, namespace: 'browser' };
    });
    onLoad({ filter: /.*/, namespace: 'browser' }, async ({ path }) => {
      const { outputFiles, metafile } = await build({
        absWorkingDir: root,
        // The path is relative because esbuild reads a star in an absolute path as a glob pattern.
        entryPoints: [`./${relative(root, path)}`],
        outdir: dirname(path),
        bundle: true,
        write: false,
        metafile: true,
        platform: 'browser',
        format: 'esm',
        target: 'es2022',
        minify: true,
        legalComments: 'none',
        charset: 'utf8',
        jsx: 'automatic',
        jsxImportSource: 'preact',
        logLevel: 'silent',
      });
      const textOf = (extension: string) =>
        outputFiles.find((file) => file.path.endsWith(extension))?.text.trim() ?? '';
      Object.assign(sources, metafile.inputs);
      return {
        contents: `export const script = ${JSON.stringify(textOf('.js'))}; export const style = ${JSON.stringify(textOf('.css'))};`,
        resolveDir: dirname(path),
      };
    });
    // The bundler watches the folders of all sources that the metafile names.
    onEnd(({ metafile }) => {
      if (metafile) Object.assign(metafile.inputs, sources);
    });
  },
};
