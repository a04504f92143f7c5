/** A package that is published to npm, and how it is built. */
export interface PackageDefinition {
  readonly name: string;
  /** The folder with the sources, relative to the root of the repository. The folder contains package.json and README.md. */
  readonly folder: string;
  /**
   * The modules that users import. Each key is the subpath of a module in the package's `exports`, such as `./page`. If
   * this field is absent, the build takes the modules from `exports` in package.json.
   */
  readonly modules?: Readonly<Record<string, string>>;
  /** The Serverless plugins of the package. Each key is the subpath of the plugin in the package's `exports`. */
  readonly plugins?: Readonly<Record<string, Plugin>>;
  /**
   * The files that are published unchanged, without compilation. Each key is the subpath of the file in the package's
   * `exports`.
   */
  readonly files?: Readonly<Record<string, string>>;
  /**
   * Whether `npm run build` only copies the files that `files` in package.json lists, and compiles no module of the
   * package.
   */
  readonly isCopied?: boolean;
  /**
   * The modules that only the package's own code imports. The code imports them by the name of the package, so they
   * must be in `exports` of the published package.
   */
  readonly ownModules?: Readonly<Record<string, string>>;
}

interface Plugin {
  readonly source: string;
  /** The name of the plugin class that the module exports. */
  readonly className: string;
  /** Whether the Serverless plugin imports the service's definitions of queues, tables and stages. */
  readonly containsService?: boolean;
}

/** All packages in the order in which they are built: each package comes after the packages that it depends on. */
export const packages: readonly PackageDefinition[] = [
  { name: 'surehop', folder: 'lib' },
  {
    name: 'serverless-offline-rabbitmq',
    folder: 'infra/emulator',
    modules: { './conformance': 'conformance/index.ts' },
    plugins: { '.': { source: 'plugin.ts', className: 'EventSourcePlugin' } },
    files: { './runtime': 'runtime.mjs' },
  },
  {
    name: 'serverless-surehop',
    folder: 'infra/aws',
    modules: { './service': 'service/declaration.ts' },
    plugins: {
      '.': { source: 'plugin.ts', className: 'PackagingPlugin', containsService: true },
      './bundler': { source: 'bundler/plugin.ts', className: 'BundlerPlugin' },
    },
  },
  {
    name: 'surehop-dev',
    folder: 'infra/dev',
    modules: { '.': 'workshop/workshop.ts' },
    ownModules: { './definitions': 'definitions/from-typescript.ts' },
    plugins: { './http-functions': { source: 'http-functions/plugin.ts', className: 'HttpFunctionsPlugin' } },
    files: { './failing-handler': 'console/failing-handler.mjs' },
  },
  { name: 'surehop-console', folder: 'infra/console', modules: { './page': 'page.ts' } },
  { name: 'create-surehop', folder: 'infra/create', isCopied: true },
];
