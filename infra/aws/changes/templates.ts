import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';

import { PackagingPlugin } from '../plugin.ts';
import type { FunctionDefinition, Serverless } from '../serverless.ts';
import type { Template } from '../template.ts';
import { resolveVariable, sourceNames } from '../variables.ts';
import type { Stage } from '../../stages/stage.ts';

const rootDirectory = join(import.meta.dirname, '..', '..', '..');

const REGION = 'eu-central-1';

const UPLOAD = /serverless\/[\w-]+\/[\w-]+\/\d+-[\d-]+T[\d:.]+Z/g;

/** The CloudFormation templates of a stage's foundation stack (`broker`) and of its service stack (`functions`). */
export interface Templates {
  readonly broker: Template;
  readonly functions: Template;
}

type Configuration = Record<string, unknown> & {
  functions?: Record<string, FunctionDefinition & { package?: unknown }>;
};

interface PackagedService extends Serverless {
  init(): Promise<void>;
  run(): Promise<void>;
  pluginManager: { addPlugin(plugin: unknown): void };
  configSchemaHandler: Serverless['configSchemaHandler'] & {
    validateConfig(configuration: Configuration): Promise<void>;
  };
  utils: { writeFileSync(path: string, content: unknown): void };
}

/**
 * Returns the templates that `serverless package` would create from the given settings, without bundling the functions.
 */
export async function templatesOf(stageName: string, stage: Stage): Promise<Templates> {
  const directory = await mkdtemp(join(tmpdir(), 'surehop-templates-'));
  try {
    const zip = join(directory, 'code.zip');
    await writeFile(zip, 'no code');
    const [broker, functions] = [
      await compile(join('infra', 'broker'), stageName, stage, directory, zip),
      await compile('.', stageName, stage, directory, zip),
    ];
    return { broker, functions };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function compile(
  folder: string,
  stageName: string,
  stage: Stage,
  directory: string,
  zip: string,
): Promise<Template> {
  class Packaging extends PackagingPlugin {
    constructor(serverless: Serverless, options: Readonly<Record<string, unknown>>) {
      super(serverless, options, { log: { warning: () => {} } }, () => stage);
    }
  }
  const configuration = await readConfiguration(folder, stageName, stage);
  for (const definition of Object.values(configuration.functions ?? {}))
    definition.package = { artifact: zip, individually: true };
  const service = new (loadServerless())({
    configuration,
    serviceDir: directory,
    configurationFilename: 'serverless.yml',
    commands: ['package'],
    options: { stage: stageName, region: REGION, package: join(directory, 'package') },
  });
  validateOnce(service.configSchemaHandler);
  await service.init();
  service.pluginManager.addPlugin(Packaging);
  // Nothing reads the files that Serverless would write, and writing them takes most of the time.
  service.utils.writeFileSync = () => {};
  await service.run();
  const compiled = JSON.stringify(service.service.provider.compiledCloudFormationTemplate);
  // The upload path contains the current time, which would make the templates differ.
  return JSON.parse(compiled.replaceAll(UPLOAD, 'code')) as Template;
}

/**
 * The configurations, as JSON, that need no further validation, because Serverless accepted them without changing them.
 */
const valid = new Set<string>();

/**
 * Makes Serverless skip the validation of the configurations in `valid`. This saves time: `npm run stages` compiles
 * each serverless.yml with many settings of the stage, and most of these settings do not change the configuration.
 */
function validateOnce(handler: PackagedService['configSchemaHandler']): void {
  const validate = handler.validateConfig.bind(handler);
  handler.validateConfig = async (configuration) => {
    const before = JSON.stringify(configuration);
    if (valid.has(before)) return;
    await validate(configuration);
    // Serverless replaces values of a wrong type, such as "30" where a number is expected.
    if (JSON.stringify(configuration) === before) valid.add(before);
  };
}

function loadServerless(): new (input: object) => PackagedService {
  const require = createRequire(import.meta.url);
  return require(join(dirname(require.resolve('serverless/package.json')), 'lib', 'serverless.js')) as never;
}

/**
 * The parsed serverless.yml of each folder. `npm run stages` compiles each file more than 200 times, each time with
 * other settings of the stage.
 */
const rawConfigurations = new Map<string, Promise<Configuration>>();

function rawConfiguration(folder: string): Promise<Configuration> {
  const known = rawConfigurations.get(folder);
  if (known) return known;
  const reading = readFile(join(rootDirectory, folder, 'serverless.yml'), 'utf8').then(
    (text) => parse(text, { merge: true }) as Configuration,
  );
  rawConfigurations.set(folder, reading);
  return reading;
}

async function readConfiguration(folder: string, stageName: string, stage: Stage): Promise<Configuration> {
  const raw = await rawConfiguration(folder);

  async function variable(expression: string): Promise<unknown> {
    const [, source = '', address = ''] = /^(\w+):(.*)$/s.exec(expression) ?? [];
    const own = sourceNames.find((name) => name === source);
    if (own) return resolveVariable(own, address, stageName, stage);
    if (expression === 'sls:stage' || expression.startsWith('opt:stage')) return stageName;
    if (expression.startsWith('opt:region')) return REGION;
    if (source === 'self')
      return resolve(address.split('.').reduce<unknown>((part, name) => (part as Configuration)[name], raw));
    throw new Error(
      `serverless.yml of ${folder} uses the variable ${expression}, which infra/aws/changes/templates.ts does not support`,
    );
  }

  async function resolve(value: unknown): Promise<unknown> {
    if (Array.isArray(value)) return Promise.all(value.map(resolve));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(
        await Promise.all(Object.entries(value).map(async ([key, part]) => [key, await resolve(part)] as const)),
      );
    if (typeof value !== 'string') return value;
    const [whole] = /^\$\{[^{}]*\}$/.exec(value) ?? [];
    if (whole) return variable(whole.slice(2, -1));
    let text = value;
    for (const [found] of value.matchAll(/\$\{(?!AWS::)[^{}]*\}/g))
      text = text.replace(found, String(await variable(found.slice(2, -1))));
    return text;
  }

  return { ...((await resolve(raw)) as Configuration), plugins: [] };
}
