// Serverless loads plugins with `require`, which cannot load TypeScript, so this module compiles the plugins in memory. The
// published packages contain compiled plugins and do not contain this module.
const Module = require('node:module');
const { readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { buildSync } = require('esbuild');

const manifestIn = (folder) => JSON.parse(readFileSync(join(__dirname, '..', folder, 'package.json'), 'utf8'));

/** Returns the names of the libraries that the packages of this repository use. */
function libraries() {
  const manifests = manifestIn('.').workspaces.map(manifestIn);
  const own = new Set(manifests.map(({ name }) => name));
  return manifests
    .flatMap(({ dependencies, peerDependencies, peerDependenciesMeta }) =>
      Object.keys({ ...dependencies, ...peerDependencies, ...peerDependenciesMeta }),
    )
    .filter((name) => !own.has(name));
}

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
    // The packages of this repository consist of TypeScript files, so they are compiled into the plugin.
    external: libraries(),
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(entry).href) },
  });
  const compiled = Object.assign(new Module(entry, shim), { filename: entry, paths: shim.paths });
  compiled._compile(outputFiles[0].text, entry);
  return compiled.exports;
};
