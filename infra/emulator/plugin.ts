import { checkQueues } from './check-queues.ts';
import { createEnvironment } from './environment.ts';
import type { ExecutionEnvironment } from './environment.ts';
import type { Log } from './log.ts';
import { startMapping } from './mapping.ts';
import type { RunningMapping } from './mapping.ts';
import { declaredMappings, environmentSettings, mappingLine, readSettings } from './service.ts';
import type { DeclaredMapping, Serverless } from './service.ts';
import type { OnError } from './settle.ts';

const writeLine = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * A Serverless plugin that emulates Lambda's event source for Amazon MQ. During `serverless offline start`, the plugin
 * consumes the queue of every `rabbitmq` event in serverless.yml.
 */
export class EventSourcePlugin {
  readonly hooks = {
    'before:offline:start:init': () => this.#prepare(),
    'before:offline:start:ready': () => this.#start(),
    'before:offline:start:end': () => this.#stop(),
    // The bundler runs this command after it has rebuilt the functions.
    'offline:functionsUpdated:cleanup': () => this.#renew(),
  };

  readonly #serverless: Serverless;
  readonly #log: Log;
  #settings: { url: string; onError: OnError } | undefined;
  #declared: DeclaredMapping[] = [];
  #environments: ExecutionEnvironment[] = [];
  #running: RunningMapping[] = [];

  constructor(serverless: Serverless, _options: unknown, { log }: { log: Log }) {
    this.#serverless = serverless;
    this.#log = log;
  }

  async #prepare(): Promise<void> {
    try {
      this.#settings = readSettings(this.#serverless);
      this.#declared = declaredMappings(this.#serverless, this.#settings.url, this.#log);
      await checkQueues(this.#settings.url, this.#declared);
    } catch (error) {
      // Serverless prints errors of its own class without a stack trace.
      throw new this.#serverless.classes.Error((error as Error).message, 'RABBITMQ_EVENT_SOURCE');
    }
  }

  #start(): void {
    const { handlerWrapper } = this.#serverless.service.custom?.rabbitmqEventSource ?? {};
    for (const mapping of this.#declared) {
      const settings = environmentSettings(this.#serverless, mapping.functionKey);
      const environments = Array.from({ length: mapping.concurrency }, () =>
        createEnvironment({ ...settings, handlerWrapper, onLine: writeLine }),
      );
      this.#environments.push(...environments);
      this.#log.notice(mappingLine(mapping, this.#settings!.url));
      this.#running.push(
        startMapping({ ...mapping, ...this.#settings!, environments, log: this.#log, onReport: writeLine }),
      );
    }
  }

  #renew(): void {
    for (const environment of this.#environments) environment.renew();
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#running.map((mapping) => mapping.stop()));
  }
}
