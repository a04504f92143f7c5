import { randomUUID } from 'node:crypto';
import type { Invocable } from 'serverless-offline/lambda';
import { problems } from 'surehop/http';
import { createEnvironment } from 'serverless-offline-rabbitmq/environment';
import { environmentSettings, type Serverless } from 'serverless-offline-rabbitmq/service';
import { forward, forwardedTo, type Forwarded } from './forward.ts';
import { createEnvironmentPool, type EnvironmentPool } from './pool.ts';
import { httpResult, problemResult, throttledResult, type HttpResult } from './result.ts';
import { answerServerErrorsWithProblems } from './server-errors.ts';
import { STARTED } from './started.ts';
import { throttleOf, type Throttle } from './throttle.ts';

/**
 * The maximum number of emulated execution environments of one function. This limit saves memory on the developer's
 * machine.
 */
const MAX_ENVIRONMENTS = 16;

/** How long API Gateway waits for the response of a function, in ms. */
const INTEGRATION_TIMEOUT_MS = 30_000;
const IDLE_MS = 60_000;

const NO_ROUTE = 'no-such-route';

interface HttpEvent extends Forwarded {
  readonly version?: string;
}

/** Returns the HTTP route of a function, for example `GET /orders/{id}`. */
function routeOf({ events = [] }: Serverless['service']['functions'][string]): string | undefined {
  const route = events.find(({ httpApi }) => httpApi)?.httpApi as string | { method: string; path: string } | undefined;
  if (typeof route !== 'object') return route;
  return `${route.method.toUpperCase()} ${route.path}`;
}

const writeLine = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * A Serverless plugin that runs a function in a child process when serverless-offline receives an HTTP request or when
 * a schedule is due. As on AWS, the client gets the status 500 if the function throws, does not load, exits or times
 * out.
 */
export class HttpFunctionsPlugin {
  readonly hooks = {
    'before:offline:start:init': () => this.#prepare(),
    // The other plugins start their parts before this event.
    'offline:start:ready': () => writeLine(STARTED),
    'offline:functionsUpdated:cleanup': () => this.#renew(),
  };

  readonly #serverless: Serverless;
  readonly #pools = new Map<string, EnvironmentPool>();
  readonly #isWithinLimit: () => boolean;

  constructor(serverless: Serverless) {
    this.#serverless = serverless;
    this.#isWithinLimit = throttleOf(serverless.service.custom as { httpThrottle?: Throttle } | undefined);
  }

  get #urnNamespace(): string {
    const { URN_NAMESPACE = 'surehop' } = this.#serverless.service.provider.environment ?? {};
    return String(URN_NAMESPACE);
  }

  async #prepare(): Promise<void> {
    answerServerErrorsWithProblems(this.#serverless.serviceDir, this.#urnNamespace);
    const { default: Lambda } = await import('serverless-offline/lambda');
    this.#wrapHandlers();
    Lambda.prototype.get = (functionKey) => this.#invocable(functionKey);
    this.#serverless.service.functions[NO_ROUTE] = {
      name: NO_ROUTE,
      handler: `${NO_ROUTE}.handler`,
      events: [{ httpApi: '*' }],
    };
  }

  /**
   * Makes the local event source wrap the consumers' handlers with the module whose URL is in the environment variable
   * `SUREHOP_HANDLER_WRAPPER`.
   */
  #wrapHandlers(): void {
    const { SUREHOP_HANDLER_WRAPPER: handlerWrapper } = process.env;
    if (!handlerWrapper) return;
    const custom = (this.#serverless.service.custom ??= {});
    custom.rabbitmqEventSource = { ...custom.rabbitmqEventSource, handlerWrapper };
  }

  #invocable(functionKey: string): Invocable {
    let event: unknown;
    return {
      setEvent: (given) => void (event = given),
      setClientContext: () => {},
      runHandler: () => {
        const request = event as HttpEvent;
        return request.version === '2.0' && request.requestContext?.http
          ? this.#respond(functionKey, request)
          : this.#invoke(functionKey, event);
      },
    };
  }

  async #respond(functionKey: string, event: HttpEvent): Promise<HttpResult> {
    const { rawPath: path = '' } = event;
    const requestId = randomUUID();
    const source = { requestId, urnNamespace: this.#urnNamespace };
    const server = functionKey === NO_ROUTE ? forwardedTo(path) : undefined;
    if (server !== undefined) return forward(event, server);
    if (!this.#isWithinLimit()) {
      const throttled = throttledResult(requestId);
      this.#countUnhandled(functionKey, throttled.statusCode);
      return throttled;
    }
    if (functionKey === NO_ROUTE) return problemResult('not-found', `No route matches ${path}.`, source);
    const result = await this.#pool(functionKey).invoke(JSON.stringify(event));
    if (result?.outcome !== 'success') {
      this.#countUnhandled(functionKey, problems[result ? 'internal-error' : 'overloaded'].status);
      this.#report(functionKey, requestId, result?.error ?? 'all environments were busy');
    }
    return httpResult(functionKey, result, source);
  }

  async #invoke(functionKey: string, event: unknown): Promise<unknown> {
    const result = await this.#pool(functionKey).invoke(JSON.stringify(event));
    if (result?.outcome === 'success') return JSON.parse(result.resultJson);
    const error = result?.error ?? 'all environments were busy';
    this.#report(functionKey, '', error);
    throw new Error(error);
  }

  /**
   * Records the metric `Requests` for a request that its function did not count, because the function failed or was not
   * invoked at all.
   */
  #countUnhandled(functionKey: string, status: number): void {
    if (!process.env['SUREHOP_METRICS_URL']) return;
    const { service } = this.#serverless;
    const route = routeOf(service.functions[functionKey]!);
    if (route === undefined) return;
    const dimensions = { service: service.service, stage: 'local', route, status: String(status) };
    const definition = {
      Namespace: service.service,
      Dimensions: [Object.keys(dimensions)],
      Metrics: [{ Name: 'Requests', Unit: 'Count' }],
    };
    writeLine(
      JSON.stringify({
        _aws: { Timestamp: Date.now(), CloudWatchMetrics: [definition] },
        ...dimensions,
        Requests: 1,
      }),
    );
  }

  #report(functionKey: string, requestId: string, reason: string): void {
    const timestamp = new Date().toISOString();
    writeLine(
      JSON.stringify({
        level: 'ERROR',
        message: 'function failed',
        function: functionKey,
        requestId,
        error: { message: reason },
        timestamp,
      }),
    );
  }

  #pool(functionKey: string): EnvironmentPool {
    const known = this.#pools.get(functionKey);
    if (known) return known;
    const settings = environmentSettings(this.#serverless, functionKey);
    const pool = createEnvironmentPool({
      create: () => createEnvironment({ ...settings, onLine: writeLine }),
      limit: MAX_ENVIRONMENTS,
      maxWaitMs: INTEGRATION_TIMEOUT_MS,
      idleMs: IDLE_MS,
    });
    this.#pools.set(functionKey, pool);
    return pool;
  }

  #renew(): void {
    for (const pool of this.#pools.values()) pool.renew();
  }
}
