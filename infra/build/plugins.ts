import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Published } from './manifest.ts';
import { SERVICE_MODULES } from '../dev/project/find-project.mjs';

interface Compiled {
  readonly module: string;
  readonly className: string;
}

/** Writes `<name>.cjs`, a CommonJS module with which Serverless can load the plugin. */
export function writePlugin(directory: string, name: string, { module, className }: Compiled): Published {
  writeFileSync(join(directory, `${name}.cjs`), `module.exports = require('${module}').${className};\n`);
  return declarePlugin(directory, name);
}

/**
 * Writes `<name>.cjs`, a CommonJS module that compiles the Serverless plugin together with the topology and the tables
 * of the service when Serverless loads the module.
 */
export function writeServicePlugin(directory: string, name: string, { module, className }: Compiled): Published {
  writeFileSync(
    join(directory, `${name}.cjs`),
    `// Serverless loads this file. It compiles the plugin together with the definitions of the service.
const Module = require('node:module');
const { existsSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { buildSync } = require('esbuild');
const { dependencies, peerDependencies, peerDependenciesMeta } = require('./package.json');

const SERVICE_MODULES = ${JSON.stringify(Object.keys(SERVICE_MODULES))};

function findService(directory = process.cwd()) {
  if (existsSync(join(directory, SERVICE_MODULES[0]))) {
    const missing = SERVICE_MODULES.filter((name) => !existsSync(join(directory, name)));
    if (missing.length > 0) throw new Error(\`serverless-surehop: \${missing.join(', ')} not found in \${directory}\`);
    return directory;
  }
  if (dirname(directory) === directory)
    throw new Error(\`serverless-surehop: no \${SERVICE_MODULES[0]} in \${process.cwd()} or in a directory above it\`);
  return findService(dirname(directory));
}

const service = findService();
const entry = join(__dirname, ${JSON.stringify(module)});
const { outputFiles } = buildSync({
  // esbuild misunderstands some characters in absolute paths, so all paths are relative.
  absWorkingDir: service,
  stdin: { contents: \`export * from ${JSON.stringify(module)}\`, resolveDir: __dirname },
  bundle: true,
  write: false,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  alias: Object.fromEntries(SERVICE_MODULES.map((name) => [\`@service/\${name}\`, \`./\${name}\`])),
  external: Object.keys({ ...dependencies, ...peerDependencies, ...peerDependenciesMeta }),
  define: { 'import.meta.url': JSON.stringify(pathToFileURL(entry).href) },
});
const compiled = Object.assign(new Module(entry, module), { filename: entry, paths: module.paths });
compiled._compile(outputFiles[0].text, entry);
module.exports = compiled.exports.${className};
`,
  );
  return declarePlugin(directory, name);
}

function declarePlugin(directory: string, name: string): Published {
  writeFileSync(
    join(directory, `${name}.d.cts`),
    `/** A Serverless plugin. Add the name of its package to \`plugins\` in serverless.yml. */
declare class Plugin {
  constructor(serverless: object, options: object, utilities: { readonly log: object });
  readonly hooks: Readonly<Record<string, () => unknown>>;
}
export = Plugin;
`,
  );
  return { types: `./${name}.d.cts`, default: `./${name}.cjs` };
}
