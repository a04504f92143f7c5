import type { GuardedProcess } from './processes.ts';
import { watchEnd, type EndWatch } from './watch-end.ts';

const START_ATTEMPTS = 3;

export interface GuardedServerOptions<Ports> {
  readonly choosePorts: () => Promise<Ports>;
  readonly start: (ports: Ports) => Promise<GuardedProcess>;
  /** Resolves when the server accepts requests. Rejects if the process has ended or takes too long. */
  readonly untilReady: (started: GuardedProcess, ports: Ports) => Promise<void>;
  /** Whether the last start failed because another process listens on one of the chosen ports. */
  readonly wasPortTaken: () => boolean;
  readonly stop: (running: GuardedProcess) => Promise<void>;
}

/** A server in a guarded process. The server keeps its ports when it is restarted. */
export interface GuardedServer<Ports> {
  readonly ports: Ports;
  /** The process id of the server, which is different after a restart. */
  readonly pid: number;
  /** Kills the server with SIGKILL. */
  readonly kill: () => Promise<void>;
  /** Kills the server and starts it again. Rejects if `kill`, `stop` or `restart` is called before the server is ready. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly onDeath: EndWatch['onDeath'];
}

/** Starts a server, and tries other ports if another process has taken a chosen port before the server listens on it. */
export async function startGuardedServer<Ports>({
  choosePorts,
  start,
  untilReady,
  wasPortTaken,
  stop,
}: GuardedServerOptions<Ports>): Promise<GuardedServer<Ports>> {
  let running: GuardedProcess;
  let ports: Ports;

  async function boot(isWanted: () => boolean): Promise<void> {
    const requireWanted = () => {
      if (!isWanted()) throw new Error('the server was stopped while it was restarted');
    };
    requireWanted();
    const started = await start(ports);
    running = started;
    try {
      requireWanted();
      await untilReady(started, ports);
      // If the process ends while it is being restarted, `onDeath` is not called; the restart fails instead.
      if (started.hasEnded()) throw new Error(await started.ended);
    } catch (error) {
      await started.kill();
      throw error;
    }
  }

  for (let attempt = 1; ; attempt += 1) {
    ports = await choosePorts();
    try {
      await boot(() => true);
      break;
    } catch (error) {
      if (attempt === START_ATTEMPTS || !wasPortTaken()) throw error;
    }
  }

  let booting: Promise<void> = Promise.resolve();
  const { onDeath, during } = watchEnd(() => running.ended);
  /** Ends the process. An unfinished restart then fails, and kills the process that it may have started meanwhile. */
  const end = async (how: (ended: GuardedProcess) => Promise<void>) => {
    await how(running);
    await booting.catch(() => {});
  };
  const kill = (process: GuardedProcess) => process.kill();
  return {
    ports,
    get pid() {
      return running.pid;
    },
    kill: () => during(() => end(kill), false),
    restart: () =>
      during(async (isLatest) => {
        await end(kill);
        booting = boot(isLatest);
        await booting;
      }, true),
    stop: () => during(() => end(stop), false),
    onDeath,
  };
}
