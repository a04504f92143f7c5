import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { waitFor, within } from './wait.ts';
import { reasonOf } from './command-line.ts';

/** A shell script that runs a command, and kills the command's process group when this Node process ends. */
const GUARD = `( trap '' INT TERM HUP; read -r _ <&3; kill -9 0 ) >/dev/null 2>&1 & exec "$@" 3<&-`;

const TAIL_LINES = 15;
const WRITTEN_WITHIN_MS = 500;

/** A command that runs in its own process group. The whole process group is killed when this Node process ends. */
export interface GuardedProcess {
  readonly pid: number;
  /** Resolves when the command has ended, with the text "exit code 1" or "signal SIGKILL", for example. */
  readonly ended: Promise<string>;
  readonly hasEnded: () => boolean;
  /** Returns the last lines that the command has written. */
  readonly tail: () => string[];
  readonly signal: (signal: NodeJS.Signals) => void;
  /**
   * Kills the whole process group of the command with SIGKILL, and resolves when all processes of the group have ended.
   */
  readonly kill: () => Promise<void>;
  /**
   * Sends a signal to the command, waits at most `graceMs` for its end, and then kills the rest of the process group with
   * SIGKILL.
   */
  readonly stop: (options: { signal: NodeJS.Signals; graceMs: number }) => Promise<void>;
}

export interface GuardedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /**
   * Where the output of the command goes: to a file, to a function that receives each line, or to the output of this
   * Node process.
   */
  readonly output: Output;
}

type Output = { readonly file: string } | { readonly onLine: (line: string) => void } | 'inherit';

/** Starts `command`. The command is killed when this Node process ends for any reason. */
export async function startGuarded({ command, args, cwd, env, output }: GuardedCommand): Promise<GuardedProcess> {
  const lines: string[] = [];
  const sink = output === 'inherit' ? output : 'file' in output ? openLog(output.file) : 'pipe';
  let child: ChildProcess;
  try {
    child = spawn('/bin/sh', ['-c', GUARD, 'guard', command, ...args], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', sink, sink, 'pipe'],
    });
  } finally {
    if (typeof sink === 'number') closeSync(sink);
  }
  const { pid } = child;
  if (pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once('error', resolve));
    throw new Error(`cannot start ${command}: ${reasonOf(error)}`, { cause: error });
  }
  child.stdio[3]?.on('error', () => {});
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  for (const stream of streams) {
    if (output === 'inherit' || !('onLine' in output)) continue;
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
      lines.push(line);
      if (lines.length > TAIL_LINES) lines.shift();
      output.onLine(line);
    });
  }

  const written = Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('close', resolve))));
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      killGroup(pid);
      resolve(code === null ? `signal ${signal}` : `exit code ${code}`);
    });
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const kill = async () => {
    killGroup(pid);
    await ended;
    await waitFor(async () => (isGroupAlive(pid) ? undefined : true), { timeoutMs: 1_000, everyMs: 10 });
    await within(written, WRITTEN_WITHIN_MS);
    child.stdio[3]?.destroy();
  };
  return {
    pid,
    ended,
    hasEnded,
    tail: () => (output !== 'inherit' && 'file' in output ? lastLines(output.file) : [...lines]),
    signal: (signal) => void child.kill(signal),
    kill,
    stop: async ({ signal, graceMs }) => {
      child.kill(signal);
      await within(ended, graceMs);
      await kill();
    },
  };
}

function killGroup(groupId: number): void {
  try {
    process.kill(-groupId, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isGroupAlive(groupId: number): boolean {
  try {
    process.kill(-groupId, 0);
  } catch {
    return false;
  }
  if (!existsSync('/proc/self/stat')) return true;
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state = '', , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(group) === groupId && !'ZX'.includes(state);
    } catch {
      return false;
    }
  });
}

function openLog(file: string): number {
  if (existsSync(file)) renameSync(file, `${file}.1`);
  return openSync(file, 'a');
}

function lastLines(file: string): string[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').slice(-TAIL_LINES);
}
