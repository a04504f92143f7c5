// Serverless requires its plugins, so the TypeScript is compiled in memory.
const Module = require('node:module');
const { buildSync } = require('esbuild');

const entry = require.resolve('./plugin.ts');
const { outputFiles } = buildSync({
  entryPoints: [entry],
  bundle: true,
  write: false,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  packages: 'external',
});
const compiled = Object.assign(new Module(entry, module), { filename: entry, paths: module.paths });
compiled._compile(outputFiles[0].text, entry);
module.exports = compiled.exports.PackagingPlugin;
