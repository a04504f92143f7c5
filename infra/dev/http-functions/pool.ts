import type { ExecutionEnvironment, InvocationResult } from '../../emulator/environment.ts';

/** The execution environments of one function, one for each concurrent invocation. */
export interface EnvironmentPool {
  /** Runs an invocation; resolves with undefined if all environments stay busy for `maxWaitMs`. */
  invoke(eventJson: string): Promise<InvocationResult | undefined>;
  /** Makes later invocations load the function again; running invocations finish with the version that they started with. */
  renew(): void;
}

export interface PoolOptions {
  create(): ExecutionEnvironment;
  /** The maximum number of environments; further invocations wait for one of them. */
  readonly limit: number;
  /** How long an invocation waits for an environment, in ms. */
  readonly maxWaitMs: number;
  /** How long an idle environment is kept, in ms. */
  readonly idleMs: number;
}

/** Creates an empty pool; the first invocation starts an environment. */
export function createEnvironmentPool({ create, limit, maxWaitMs, idleMs }: PoolOptions): EnvironmentPool {
  const environments = new Set<ExecutionEnvironment>();
  /** Idle environments; the one used last is used next, so that the others can be stopped. */
  const idle: ExecutionEnvironment[] = [];
  const waiting: ((environment: ExecutionEnvironment | undefined) => void)[] = [];
  const timers = new Map<ExecutionEnvironment, NodeJS.Timeout>();

  function take(): Promise<ExecutionEnvironment | undefined> | ExecutionEnvironment {
    const ready = idle.pop();
    if (ready) {
      clearTimeout(timers.get(ready));
      return ready;
    }
    if (environments.size < limit) {
      const created = create();
      environments.add(created);
      return created;
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(settle), 1);
        resolve(undefined);
      }, maxWaitMs);
      const settle = (environment: ExecutionEnvironment | undefined) => {
        clearTimeout(timer);
        resolve(environment);
      };
      waiting.push(settle);
    });
  }

  function giveBack(environment: ExecutionEnvironment): void {
    const next = waiting.shift();
    if (next) return next(environment);
    idle.push(environment);
    const stopIdle = () => {
      idle.splice(idle.indexOf(environment), 1);
      environments.delete(environment);
      timers.delete(environment);
      void environment.stop();
    };
    timers.set(environment, setTimeout(stopIdle, idleMs).unref());
  }

  return {
    async invoke(eventJson) {
      const environment = await take();
      if (!environment) return undefined;
      try {
        return await environment.invoke(eventJson);
      } finally {
        giveBack(environment);
      }
    },
    renew() {
      for (const environment of environments) environment.renew();
    },
  };
}
