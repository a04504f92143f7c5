import type { ExecutionEnvironment, InvocationResult } from 'serverless-offline-rabbitmq/environment';

/** The execution environments of one function. Each of them runs one invocation at a time. */
export interface EnvironmentPool {
  /**
   * Runs an invocation and resolves with the result of the function, or with undefined if all execution environments of
   * the function stay busy for `maxWaitMs`.
   */
  invoke(eventJson: string): Promise<InvocationResult | undefined>;
  /**
   * Makes later invocations load the new version of the function. A running invocation finishes with the old version.
   */
  renew(): void;
}

export interface PoolOptions {
  create(): ExecutionEnvironment;
  /**
   * The maximum number of execution environments of the function. When all of them are busy, further invocations wait.
   */
  readonly limit: number;
  /** How long an invocation waits for a free execution environment, in ms. */
  readonly maxWaitMs: number;
  /** How long an idle execution environment is kept before it is stopped, in ms. */
  readonly idleMs: number;
}

/** Creates a pool of execution environments of one function. The pool is empty until the first invocation. */
export function createEnvironmentPool({ create, limit, maxWaitMs, idleMs }: PoolOptions): EnvironmentPool {
  const environments = new Set<ExecutionEnvironment>();
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
