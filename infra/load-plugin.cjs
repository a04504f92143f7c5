// Serverless requires its plugins, so their TypeScript is compiled in memory.
const Module = require('node:module');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { buildSync } = require('esbuild');

/** Gives what the plugin.ts beside the module `shim` exports. */
module.exports = function loadPlugin(shim) {
  const entry = join(dirname(shim.filename), 'plugin.ts');
  const { outputFiles } = buildSync({
    // Relative to its directory: a star in an absolute path would make it a glob.
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
