import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Invocable } from 'serverless-offline/lambda';
import { createEnvironment } from '../../emulator/environment.ts';
import { environmentSettings, type Serverless } from '../../emulator/service.ts';
import { createEnvironmentPool, type EnvironmentPool } from './pool.ts';
import { httpResult, problemResult, type HttpResult } from './result.ts';

/** Requests that one function works on at once; AWS starts more environments, a laptop has not the memory. */
const MAX_ENVIRONMENTS = 16;

/** API Gateway gives up on an integration after 30 s. */
const PATIENCE_MS = 30_000;
const IDLE_MS = 60_000;

/** Takes every request that fits no other route. */
const NO_ROUTE = 'no-such-route';

interface HttpEvent {
  readonly version?: string;
  readonly rawPath?: string;
  readonly requestContext?: { readonly http?: { readonly method?: string } };
}

/** infra/load-plugin.cjs bundles environment.ts into this plugin, so environment.ts cannot find runtime.mjs by its own address. */
const runtimePath = fileURLToPath(new URL('../../emulator/runtime.mjs', import.meta.url));

const writeLine = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * Runs what serverless-offline invokes (HTTP, schedules) in processes, as Lambda does and the event sources here do too:
 * a function that throws, cannot be loaded, ends its process or times out answers 500, where serverless-offline answers 200,
 * waits for ever or ends altogether. A rebuild lets invocations under way finish.
 */
export class HttpFunctionsPlugin {
  readonly hooks = {
    'before:offline:start:init': () => this.#prepare(),
    'offline:functionsUpdated:cleanup': () => this.#renew(),
  };

  readonly #serverless: Serverless;
  readonly #pools = new Map<string, EnvironmentPool>();

  constructor(serverless: Serverless) {
    this.#serverless = serverless;
  }

  async #prepare(): Promise<void> {
    const { default: Lambda } = await import('serverless-offline/lambda');
    Lambda.prototype.get = (functionKey) => this.#invocable(functionKey);
    this.#serverless.service.functions[NO_ROUTE] = {
      name: NO_ROUTE,
      handler: `${NO_ROUTE}.handler`,
      events: [{ httpApi: '*' }],
    };
  }

  #invocable(functionKey: string): Invocable {
    let event: unknown;
    return {
      setEvent: (given) => void (event = given),
      setClientContext: () => {},
      runHandler: () => {
        const { version, requestContext, ...request } = event as HttpEvent;
        return version === '2.0' && requestContext?.http
          ? this.#respond(functionKey, event, request.rawPath)
          : this.#invoke(functionKey, event);
      },
    };
  }

  async #respond(functionKey: string, event: unknown, path = ''): Promise<HttpResult> {
    const requestId = randomUUID();
    if (functionKey === NO_ROUTE) return problemResult('not-found', `No function has a route for ${path}.`, requestId);
    const result = await this.#pool(functionKey).invoke(JSON.stringify(event));
    if (result?.outcome !== 'success')
      this.#report(functionKey, requestId, result?.error ?? 'no environment came free');
    return httpResult(functionKey, requestId, result);
  }

  async #invoke(functionKey: string, event: unknown): Promise<unknown> {
    const result = await this.#pool(functionKey).invoke(JSON.stringify(event));
    if (result?.outcome === 'success') return JSON.parse(result.resultJson);
    const error = result?.error ?? 'no environment came free';
    this.#report(functionKey, '', error);
    throw new Error(error);
  }

  #report(functionKey: string, requestId: string, error: string): void {
    const timestamp = new Date().toISOString();
    writeLine(
      JSON.stringify({
        level: 'ERROR',
        message: 'function failed',
        function: functionKey,
        requestId,
        error,
        timestamp,
      }),
    );
  }

  #pool(functionKey: string): EnvironmentPool {
    const known = this.#pools.get(functionKey);
    if (known) return known;
    const settings = environmentSettings(this.#serverless, functionKey);
    const pool = createEnvironmentPool({
      create: () => createEnvironment({ ...settings, runtimePath, onLine: writeLine }),
      limit: MAX_ENVIRONMENTS,
      patienceMs: PATIENCE_MS,
      idleMs: IDLE_MS,
    });
    this.#pools.set(functionKey, pool);
    return pool;
  }

  #renew(): void {
    for (const pool of this.#pools.values()) pool.renew();
  }
}
