import { brokerStackOutputs, brokerStackResources, makeRetainedLast } from '../broker/stack.ts';
import { readStage } from '../stages/read-stage.ts';
import type { Stage } from '../stages/stage.ts';
import { accessSchema } from './access.ts';
import { deployBrokerFirst } from './broker-first.ts';
import { commonEnvironment } from './environment.ts';
import { eventSources } from './event-sources.ts';
import { operatorsValue } from './operators.ts';
import { completeFunctions, prepareFunctions } from './functions-stack.ts';
import type { Serverless } from './service.ts';

/** The service that both stacks belong to: what names begin with. */
const SERVICE = 'surehop';

/** The laptop has the settings of dev, so that what is tried is what will be deployed. */
const LAPTOP_IS = 'dev';

const settingsOf = (stageName: string): Stage => readStage(stageName === 'local' ? LAPTOP_IS : stageName);

interface VariableRequest {
  address?: string;
  resolveVariable(variable: string): Promise<unknown>;
}

/** A value of the stage by its path, `functions.request.memoryMb`. */
function settingAt(stage: Stage, path: string): unknown {
  const value = path
    .split('.')
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], stage);
  if (value === undefined) throw new Error(`no setting "${path}": infra/stages/stage.ts has them all`);
  return value;
}

const source = (answer: (stageName: string, stage: Stage, address: string) => unknown) => ({
  async resolve({ address = '', resolveVariable }: VariableRequest) {
    const stageName = String(await resolveVariable('sls:stage'));
    return { value: answer(stageName, settingsOf(stageName), address) };
  },
});

/**
 * Makes the templates of both stacks from infra/stages and infra/topology.ts: the broker's whole, the functions' beyond
 * what Serverless makes of serverless.yml. Checks what can be checked before anything is deployed.
 */
export class PackagingPlugin {
  /** `${settings:…}`, `${environment:}`, `${consumes:…}` and `${operators:…}` in serverless.yml. */
  readonly configurationVariablesSources = {
    settings: source((_, stage, address) => settingAt(stage, address)),
    environment: source((stageName, stage) => commonEnvironment(SERVICE, stageName, stage)),
    consumes: source((stageName, stage, address) => eventSources(address, stageName, stage)),
    operators: source((stageName, stage, address) => operatorsValue(address, stageName, stage)),
  };

  readonly hooks = {
    'before:package:initialize': () => this.#checked(() => this.#prepare()),
    'before:package:finalize': () => this.#checked(() => this.#complete()),
    'before:deploy:deploy': () => this.#checked(() => this.#deployBroker()),
  };

  readonly #serverless: Serverless;
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(serverless: Serverless, options: Readonly<Record<string, unknown>>) {
    this.#serverless = serverless;
    this.#options = options;
    serverless.configSchemaHandler.defineFunctionProperties('aws', {
      type: 'object',
      properties: { access: accessSchema },
    });
  }

  get #isBrokerStack(): boolean {
    return this.#serverless.service.custom?.stack === 'broker';
  }

  get #stageName(): string {
    return this.#serverless.getProvider('aws').getStage();
  }

  #prepare(): void {
    const stage = readStage(this.#stageName);
    if (!this.#isBrokerStack) prepareFunctions(this.#serverless, SERVICE, this.#stageName, stage);
  }

  #complete(): void {
    const stage = readStage(this.#stageName);
    if (!this.#isBrokerStack) return completeFunctions(this.#serverless, SERVICE, this.#stageName, stage);
    const template = this.#serverless.service.provider.compiledCloudFormationTemplate;
    Object.assign(template.Resources, brokerStackResources(SERVICE, this.#stageName, stage));
    makeRetainedLast(template.Resources);
    template.Outputs = { ...template.Outputs, ...brokerStackOutputs(this.#stageName) };
  }

  async #deployBroker(): Promise<void> {
    if (!this.#isBrokerStack && !this.#options['package']) await deployBrokerFirst(this.#serverless, this.#options);
  }

  async #checked(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Serverless prints an error of its own class without a stack trace.
      throw new this.#serverless.classes.Error((error as Error).message, 'PACKAGING');
    }
  }
}
