import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

import { build, type Plugin } from 'esbuild';

import { copyDeclarations, emit } from './declarations.ts';
import {
  copiedManifest,
  installedWith,
  publishedManifest,
  readManifest,
  type Manifest,
  type Published,
} from './manifest.ts';
import { browserScripts } from '../aws/bundler/browser.ts';
import { SERVICE_MODULES } from '../dev/project/find-project.mjs';
import { packages, type PackageDefinition } from './packages.ts';
import { writePlugin, writeServicePlugin } from './plugins.ts';

/**
 * Builds packages of the repository at `root` into `target`, a directory within the repository. By default, builds all
 * packages. Returns the directory of each built package.
 */
export async function buildPackages(
  root: string,
  target: string,
  definitions: readonly PackageDefinition[] = packages,
): Promise<Record<string, string>> {
  const built: Record<string, string> = {};
  for (const definition of definitions) built[definition.name] = await buildPackage(root, target, definition);
  await declare(root, target, definitions);
  return built;
}

/** Writes the type declarations of all bundled packages, with a single run of the TypeScript compiler. */
async function declare(root: string, target: string, definitions: readonly PackageDefinition[]): Promise<void> {
  const modulesOf = ({ folder, modules = {} }: PackageDefinition) =>
    Object.values(modules).map((source) => join(folder, source));
  const modules = definitions.flatMap(modulesOf);
  if (modules.length === 0) return;
  const types = join(target, '.types');
  await emit({ root, from: root, to: types, modules, options: { emitDeclarationOnly: true } });
  for (const definition of definitions)
    copyDeclarations(
      types,
      join(target, definition.name, 'dist', 'types'),
      modulesOf(definition).map((source) => source.replace(/\.ts$/, '.d.ts')),
    );
  rmSync(types, { recursive: true });
}

async function buildPackage(root: string, target: string, definition: PackageDefinition): Promise<string> {
  const [source, directory] = [join(root, definition.folder), join(target, definition.name)];
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const manifest = readManifest(source);
  const published = await publish(root, source, directory, definition, manifest);
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(published, undefined, 2)}\n`);
  copyFileSync(join(root, 'LICENSE'), join(directory, 'LICENSE'));
  if (existsSync(join(source, 'README.md'))) copyFileSync(join(source, 'README.md'), join(directory, 'README.md'));
  return directory;
}

/** Writes the files of a published package, and returns its manifest. */
async function publish(
  root: string,
  source: string,
  directory: string,
  definition: PackageDefinition,
  manifest: Manifest,
): Promise<object> {
  if (definition.isCopied) {
    for (const file of manifest.files ?? []) cpSync(join(source, file), join(directory, file), { recursive: true });
    return copiedManifest(manifest);
  }
  mkdirSync(join(directory, 'dist'));
  const exports =
    definition.modules || definition.plugins
      ? await bundlePackage(root, directory, definition, manifest)
      : await compilePackage(root, source, directory, manifest);
  return publishedManifest(manifest, exports);
}

async function compilePackage(root: string, source: string, directory: string, { exports }: Manifest) {
  const [from, to] = [join(directory, 'src'), join(directory, 'dist')];
  cpSync(source, from, {
    recursive: true,
    filter: (file) => !/\.[^/]+$/.test(basename(file)) || file.endsWith('.ts'),
  });
  await emit({ root, from, to, options: { sourceMap: true, declarationMap: true } });
  const published = ([subpath, file]: [string, string]): [string, Published] => {
    const compiled = `./dist/${relative(source, join(source, file)).replace(/\.ts$/, '')}`;
    return [subpath, { types: `${compiled}.d.ts`, default: `${compiled}.js` }];
  };
  return Object.fromEntries(Object.entries(exports).map(published));
}

async function bundlePackage(
  root: string,
  directory: string,
  { folder, modules = {}, ownModules = {}, plugins = {}, files = {} }: PackageDefinition,
  manifest: Manifest,
): Promise<Record<string, Published>> {
  const dist = join(directory, 'dist');
  const published: Record<string, Published> = {};
  const nameOf = (subpath: string, fallback: string) => (subpath === '.' ? fallback : subpath.slice('./'.length));
  const external = externalOf(manifest);
  const withService = [...external, ...serviceModules];
  for (const [name, file] of Object.entries(manifest.bin ?? {}))
    await bundle(root, join(folder, file), join(dist, `${name}.js`), withService);
  for (const [subpath, { source, className, containsService }] of Object.entries(plugins)) {
    const name = nameOf(subpath, 'plugin');
    await bundle(root, join(folder, source), join(dist, `${name}.js`), containsService ? withService : external);
    const compiled = { module: `./dist/${name}.js`, className };
    published[subpath] = containsService
      ? writeServicePlugin(directory, name, compiled)
      : writePlugin(directory, name, compiled);
  }
  for (const [subpath, source] of Object.entries(modules)) {
    const name = nameOf(subpath, 'index');
    await bundle(root, join(folder, source), join(dist, `${name}.js`), external);
    const declaration = join(folder, source).replace(/\.ts$/, '.d.ts');
    published[subpath] = { types: `./dist/types/${declaration}`, default: `./dist/${name}.js` };
  }
  const withoutTypes = (subpath: string, file: string) => {
    const declaration = file.replace(/\.(m?)js$/, '.d.$1ts');
    writeFileSync(join(dist, declaration), 'export {};\n');
    published[subpath] = { types: `./dist/${declaration}`, default: `./dist/${file}` };
  };
  for (const [subpath, source] of Object.entries(ownModules)) {
    const file = `${nameOf(subpath, 'index')}.js`;
    await bundle(root, join(folder, source), join(dist, file), withService);
    withoutTypes(subpath, file);
  }
  for (const [subpath, file] of Object.entries(files)) {
    copyFileSync(join(root, folder, file), join(dist, basename(file)));
    withoutTypes(subpath, basename(file));
  }
  return published;
}

/** Returns the names of the packages that a bundle imports instead of containing them. */
function externalOf(manifest: Manifest): string[] {
  const own = new Set(packages.map(({ name }) => name).filter((name) => name !== 'surehop'));
  return installedWith(manifest).filter((name) => !own.has(name));
}

async function bundle(root: string, source: string, outfile: string, external: readonly string[]): Promise<void> {
  const { metafile } = await build({
    // The path is relative because esbuild reads a star in an absolute path as a glob pattern.
    absWorkingDir: root,
    entryPoints: [{ in: `./${source}`, out: basename(outfile, '.js') }],
    outdir: dirname(outfile),
    // Modules that are imported dynamically stay separate files, because they import libraries that may be missing.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'linked',
    sourceRoot: '.',
    external: [...external],
    plugins: [browserScripts, importService(root)],
    metafile: true,
    logLevel: 'silent',
  });
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  const service = imported.find((path) => path.startsWith(serviceModule('')) && !external.includes(path));
  if (service)
    throw new Error(
      `${source} imports ${service}, but only commands, and plugins with "containsService: true" in infra/build/packages.ts, may import modules of the service`,
    );
  const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const libraries = new Set(bundled.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
  const missingDependencies = [...libraries].join(', ');
  if (libraries.size > 0)
    throw new Error(`${source} imports ${missingDependencies}: add them to the dependencies of its package`);
}

const serviceModule = (name: string): string => `@service/${name}`;

const serviceModules = Object.keys(SERVICE_MODULES).map(serviceModule);

/**
 * An esbuild plugin that keeps the modules of a service, such as its topology and tables, out of a bundle. The bundle
 * imports these modules from the service in which it runs.
 */
const importService = (root: string): Plugin => ({
  name: 'import-service',
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
      const module = relative(root, join(resolveDir, path));
      const isService = Object.hasOwn(SERVICE_MODULES, module);
      return isService ? { path: serviceModule(module), external: true } : undefined;
    });
  },
});
