import type { ExecutionEnvironment, InvocationResult } from '../../emulator/environment.ts';

/** The execution environments of one function, one for each invocation under way. */
export interface EnvironmentPool {
  /** Undefined where no environment came free in time. */
  invoke(eventJson: string): Promise<InvocationResult | undefined>;
  /** Has later invocations load the function anew; those under way finish with the version that they began with. */
  renew(): void;
}

export interface PoolOptions {
  create(): ExecutionEnvironment;
  /** At most this many environments; further invocations wait for one of them. */
  readonly limit: number;
  /** How long an invocation waits, in ms. */
  readonly patienceMs: number;
  /** How long an environment is kept without work, in ms. */
  readonly idleMs: number;
}

/** Makes a pool, which is empty until the first invocation. */
export function createEnvironmentPool({ create, limit, patienceMs, idleMs }: PoolOptions): EnvironmentPool {
  const all = new Set<ExecutionEnvironment>();
  /** The one used last is used next, so that the others can be let go. */
  const idle: ExecutionEnvironment[] = [];
  const waiting: ((environment: ExecutionEnvironment | undefined) => void)[] = [];
  const timers = new Map<ExecutionEnvironment, NodeJS.Timeout>();

  function take(): Promise<ExecutionEnvironment | undefined> | ExecutionEnvironment {
    const ready = idle.pop();
    if (ready) {
      clearTimeout(timers.get(ready));
      return ready;
    }
    if (all.size < limit) {
      const created = create();
      all.add(created);
      return created;
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(settle), 1);
        resolve(undefined);
      }, patienceMs);
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
    const letGo = () => {
      idle.splice(idle.indexOf(environment), 1);
      all.delete(environment);
      timers.delete(environment);
      void environment.stop();
    };
    timers.set(environment, setTimeout(letGo, idleMs).unref());
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
      for (const environment of all) environment.renew();
    },
  };
}
