import { brokerStackOutputs, brokerStackResources, makeRetainedLast } from './foundation/stack.ts';
import { refuseReplacement } from './changes/guard.ts';
import { readStage } from '../stages/read-stage.ts';
import type { Stage } from '../stages/stage.ts';
import { accessSchema } from './service/access.ts';
import { checkAccount } from './account.ts';
import { deployBrokerFirst } from './service/broker-first.ts';
import { completeFunctions, prepareFunctions } from './service/functions-stack.ts';
import { passTableAccess } from './service/local-access.ts';
import { performWarnings } from './perform-warning.ts';
import { queueWarnings } from './queue-warning.ts';
import type { Serverless } from './serverless.ts';
import { resolveVariable, SERVICE, sourceNames, type SourceName } from './variables.ts';

interface Log {
  warning(text: string): void;
}

interface VariableRequest {
  address?: string;
  resolveVariable(variable: string): Promise<unknown>;
}

const source = (name: SourceName) => ({
  async resolve({ address = '', resolveVariable: resolve }: VariableRequest) {
    return { value: resolveVariable(name, address, String(await resolve('sls:stage'))) };
  },
});

/**
 * A Serverless plugin that builds the foundation stack, and adds to the service stack everything that Serverless does
 * not create itself. Before a deployment, the plugin checks the settings and the AWS account, and refuses to replace
 * resources that hold data.
 */
export class PackagingPlugin {
  /**
   * Resolves the variables `${settings:…}`, `${environment:}`, `${consumes:…}`, `${emulated:}` and `${operators:…}` in
   * serverless.yml.
   */
  readonly configurationVariablesSources = Object.fromEntries(sourceNames.map((name) => [name, source(name)]));

  readonly hooks = {
    'before:offline:start:init': () => this.#prepareOffline(),
    'before:package:initialize': () => this.#checked(() => this.#prepare()),
    'before:package:finalize': () => this.#checked(() => this.#complete()),
    'before:deploy:deploy': () =>
      this.#checked(async () => {
        await refuseReplacement(this.#serverless);
        await this.#deployBroker();
      }),
  };

  readonly #serverless: Serverless;
  readonly #options: Readonly<Record<string, unknown>>;
  readonly #settingsOf: (stageName: string) => Stage;
  readonly #log: Log;

  constructor(
    serverless: Serverless,
    options: Readonly<Record<string, unknown>>,
    { log }: { log: Log },
    read: (stageName: string) => Stage = readStage,
  ) {
    this.#serverless = serverless;
    this.#options = options;
    this.#log = log;
    this.#settingsOf = read;
    serverless.configSchemaHandler.defineFunctionProperties('aws', {
      type: 'object',
      properties: { access: accessSchema },
    });
    const { stage } = options;
    // The stage is validated before Serverless resolves variables, because Serverless repeats the error for each variable.
    if (typeof stage === 'string' && stage !== 'local') this.#orFail(() => read(stage));
  }

  get #isBrokerStack(): boolean {
    return this.#serverless.service.custom?.stack === 'broker';
  }

  get #stageName(): string {
    return this.#serverless.getProvider('aws').getStage();
  }

  async #prepare(): Promise<void> {
    const stage = this.#settingsOf(this.#stageName);
    const reserved = this.#isBrokerStack ? 0 : prepareFunctions(this.#serverless, this.#stageName, stage);
    if (!this.#isBrokerStack) await this.#warn(stage);
    // The account is checked now, because packaging comes first and creating the broker takes 20 minutes.
    if (this.#serverless.processedInput.commands.join(' ') === 'deploy') await this.#checkAccount(stage, reserved);
  }

  #prepareOffline(): void {
    const { functions } = this.#serverless.service;
    passTableAccess(functions);
    // `npm start` shows only log lines in JSON before the service is ready.
    for (const message of queueWarnings(functions))
      process.stdout.write(`${JSON.stringify({ level: 'WARN', message })}\n`);
  }

  async #warn(stage: Stage): Promise<void> {
    const { serviceDir, service } = this.#serverless;
    const warnings = await performWarnings(serviceDir, service.functions, this.#stageName, stage);
    for (const one of [...warnings, ...queueWarnings(service.functions)]) this.#log.warning(one);
  }

  async #checkAccount(stage: Stage, reserved: number): Promise<void> {
    const aws = this.#serverless.getProvider('aws');
    const { credentials } = await aws.getAwsSdkV3Config();
    const { faults, unknown } = await checkAccount(
      { region: aws.getRegion(), credentials, environment: process.env },
      { service: SERVICE, stageName: this.#stageName, stage, reserved },
    );
    for (const one of unknown) this.#log.warning(`Not checked before the deployment: ${one}`);
    const reasons = faults.map((one) => `- ${one}`).join('\n');
    if (faults.length > 0)
      throw new Error(`nothing was deployed, because the deployment would fail later:\n${reasons}`);
  }

  #complete(): void {
    const stage = this.#settingsOf(this.#stageName);
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
      throw this.#failure(error);
    }
  }

  #orFail(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): Error {
    return new this.#serverless.classes.Error((error as Error).message, 'PACKAGING');
  }
}
