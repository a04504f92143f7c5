// Serverless loads plugins with `require`, which cannot load TypeScript, so this module compiles the plugins in memory.
const Module = require('node:module');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { buildSync } = require('esbuild');

/** Compiles the plugin.ts in the folder of the module `shim` and returns its exports. */
module.exports = function loadPlugin(shim) {
  const entry = join(dirname(shim.filename), 'plugin.ts');
  const { outputFiles } = buildSync({
    // The path is relative because esbuild reads a star in an absolute path as a glob pattern.
    absWorkingDir: dirname(entry),
    entryPoints: ['./plugin.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(entry).href) },
  });
  const compiled = Object.assign(new Module(entry, shim), { filename: entry, paths: shim.paths });
  compiled._compile(outputFiles[0].text, entry);
  return compiled.exports;
};
