/** Detects when a server ends although this process has neither stopped, killed nor restarted it. */
export interface EndWatch {
  /** Calls `listener` each time the server ends unexpectedly. */
  readonly onDeath: (listener: (how: string) => void) => void;
  /**
   * Runs `change`, which stops, kills or restarts the server on purpose. While `change` runs, the listeners are not
   * called if the server ends. `isLatest` returns whether no other change has begun since: a restart must not leave a
   * server running that has been stopped meanwhile.
   */
  readonly during: <T>(change: (isLatest: () => boolean) => Promise<T>, isRunningAfterwards: boolean) => Promise<T>;
}

export function watchEnd(ended: () => Promise<string>): EndWatch {
  const listeners: ((how: string) => void)[] = [];
  let unreported: string | undefined;
  let run = 0;

  function watch(): void {
    run += 1;
    const watched = run;
    const report = (how: string) => {
      if (watched !== run) return;
      if (listeners.length === 0) unreported = how;
      for (const listener of listeners) listener(how);
    };
    ended().then(report, (error: unknown) => report(error instanceof Error ? error.message : String(error)));
  }

  watch();
  return {
    onDeath: (listener) => {
      listeners.push(listener);
      if (unreported !== undefined) listener(unreported);
    },
    during: async (change, isRunningAfterwards) => {
      run += 1;
      unreported = undefined;
      const changed = run;
      const isLatest = () => run === changed;
      const result = await change(isLatest);
      if (isRunningAfterwards && isLatest()) watch();
      return result;
    },
  };
}
