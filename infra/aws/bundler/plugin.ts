import { rmSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { Metafile } from 'esbuild';
import { bundle, type BundleOptions } from './bundle.ts';
import { moduleOf } from './module-of.ts';
import { watchBundle } from './watch.ts';
import { zipFiles } from './zip.ts';

interface FunctionDefinition {
  handler: string;
  package?: { artifact?: string; individually?: boolean };
}

interface Serverless {
  serviceDir: string;
  service: {
    provider: { environment?: Readonly<Record<string, unknown>> };
    custom?: { bundler?: { watch?: boolean | 'off' }; 'serverless-offline'?: { location?: string } };
    functions: Record<string, FunctionDefinition>;
  };
  pluginManager: { spawn(command: string): Promise<void> };
  classes: { Error: new (message: string, code: string) => Error };
}

interface Log {
  notice(message: string): void;
  error(message: string): void;
}

const buildDirectory = '.build';

/**
 * A Serverless plugin that bundles every function. `serverless package` creates one zip file per function, which is
 * always the same for the same sources. `serverless offline start` also rebuilds changed functions.
 */
export class BundlerPlugin {
  readonly hooks = {
    'before:offline:start:init': () => this.#serve(),
    // The watcher starts after all other plugins, because it would keep the process running if another plugin failed to start.
    'offline:start:ready': () => this.#watch(),
    'before:offline:start:end': () => this.#stopWatching?.(),
    'before:package:createDeploymentArtifacts': () => this.#package(),
    'before:package:function:package': () => this.#package(),
  };

  readonly #serverless: Serverless;
  readonly #log: Log;
  #firstBuild: Metafile | undefined;
  #options: BundleOptions | undefined;
  #stopWatching: (() => Promise<void>) | undefined;

  constructor(serverless: Serverless, _options: unknown, { log }: { log: Log }) {
    this.#serverless = serverless;
    this.#log = log;
  }

  async #serve(): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    const entries = [...new Set(Object.values(service.functions).map(moduleOf))];
    // Containers that share the folder have their own process ids, and their own host names.
    const location = join(buildDirectory, `${hostname()}-${process.pid}`);
    const outDirectory = join(serviceDir, location);
    this.#options = { root: serviceDir, entries, outDirectory, traces: true };
    await removeAbandoned(join(serviceDir, buildDirectory));
    process.once('exit', () => rmSync(outDirectory, { recursive: true, force: true }));
    this.#firstBuild = await this.#withoutStack(bundle(this.#options));
    const custom = (this.#serverless.service.custom ??= {});
    custom['serverless-offline'] = { ...custom['serverless-offline'], location };
  }

  async #watch(): Promise<void> {
    const setting = process.env.SUREHOP_WATCH ?? this.#serverless.service.custom?.bundler?.watch;
    if (setting === 'off' || setting === false) return;
    this.#stopWatching = await watchBundle(this.#options!, this.#firstBuild!, {
      onBuilt: async (changed) => {
        if (changed.length === 0) {
          this.#log.notice('Functions rebuilt; nothing changed.');
          return;
        }
        await this.#serverless.pluginManager.spawn('offline:functionsUpdated');
        const names = Object.entries(this.#serverless.service.functions)
          .filter(([, definition]) => changed.includes(moduleOf(definition)))
          .map(([key]) => key);
        this.#log.notice(`Functions rebuilt: ${names.join(', ')}.`);
      },
      onMistake: (message) =>
        this.#log.error(`Functions not rebuilt, because their code contains a mistake: ${message}`),
    });
  }

  async #package(): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    const outDirectory = join(serviceDir, '.serverless', 'bundles');
    await mkdir(outDirectory, { recursive: true });
    const traces = service.provider.environment?.['OTEL_EXPORTER_OTLP_ENDPOINT'] !== undefined;
    for (const [key, definition] of Object.entries(service.functions)) {
      const { outputs } = await this.#withoutStack(
        bundle({ entries: [moduleOf(definition)], root: serviceDir, outDirectory, traces }),
      );
      const files = Object.keys(outputs);
      const names = files.map((file) => relative(outDirectory, resolve(serviceDir, file)));
      const artifact = join('.serverless', `${key}.zip`);
      await zipFiles(outDirectory, names, join(serviceDir, artifact));
      definition.package = { ...definition.package, individually: true, artifact };
    }
  }

  async #withoutStack(bundling: Promise<Metafile>): Promise<Metafile> {
    try {
      return await bundling;
    } catch (error) {
      // Serverless prints errors of its own class without a stack trace.
      throw new this.#serverless.classes.Error((error as Error).message, 'BUNDLE');
    }
  }
}

/** Deletes the bundles in `directory` that were left behind by killed processes of this host. */
async function removeAbandoned(directory: string): Promise<void> {
  const prefix = `${hostname()}-`;
  const names = await readdir(directory).catch(() => []);
  const abandoned = names.filter((name) => {
    const pid = Number(name.startsWith(prefix) ? name.slice(prefix.length) : NaN);
    return Number.isInteger(pid) && (pid === process.pid || !isRunning(pid));
  });
  await Promise.all(abandoned.map((name) => rm(join(directory, name), { recursive: true, force: true })));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
