import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';

import { maxPayloadBytes } from './event.ts';

/** The settings of a process that emulates a Lambda execution environment. */
export interface EnvironmentSettings {
  /** The path of the module that exports the handler, without extension. */
  modulePath: string;
  exportName: string;
  workingDirectory: string;
  variables: Record<string, string>;
  timeoutMs: number;
  memoryMb: number;
  /**
   * The URL of a module that can replace the functions' handlers: its default export receives a handler and returns the
   * handler to invoke.
   */
  handlerWrapper?: string;
  /** Receives each line that the function writes to stdout or stderr. */
  onLine(line: string): void;
}

/** The outcome of an invocation. The outcome contains the function's result only if the invocation succeeded. */
export type InvocationResult =
  { outcome: 'success'; resultJson: string } | { outcome: 'error' | 'timeout' | 'crash'; error: string };

/**
 * A process that emulates a Lambda execution environment of one function. The process runs one invocation at a time and
 * is reused for later invocations.
 */
export interface ExecutionEnvironment {
  invoke(eventJson: string): Promise<InvocationResult>;
  /** Makes the execution environment reload the function's code, after the current invocation if there is one. */
  renew(): void;
  stop(): Promise<void>;
}

type Reply =
  | { type: 'ready' }
  | { type: 'succeeded'; resultJson: string }
  | { type: 'failed' | 'initFailed'; error: { errorType: string; errorMessage: string } };

interface Sandbox {
  child: ChildProcess;
  ended: Promise<string>;
  reply(limitMs: number): Promise<Reply | { type: 'ended'; how: string } | { type: 'timeout' }>;
}

// The file is found by the name of its package, because plugins of other packages contain a bundled copy of this module.
const runtimePath = createRequire(import.meta.url).resolve('serverless-offline-rabbitmq/runtime');

// On Lambda, the initialization of a function has ten seconds in addition to the function's timeout.
const initLimitMs = 10_000;
const lastLinesLimitMs = 500;

/**
 * Creates an emulated Lambda execution environment. Its process starts with the first invocation, and a new process
 * replaces it after a timeout or a crash.
 */
export function createEnvironment(settings: EnvironmentSettings): ExecutionEnvironment {
  let sandbox: Sandbox | undefined;
  let busy = false;

  async function discard(): Promise<void> {
    const current = sandbox;
    sandbox = undefined;
    current?.child.kill('SIGKILL');
    await current?.ended;
  }

  async function run(eventJson: string): Promise<InvocationResult> {
    if (!sandbox) {
      const fresh = startSandbox(settings);
      sandbox = fresh;
      void fresh.ended.then(() => {
        if (sandbox === fresh) sandbox = undefined;
      });
      const limitMs = Math.max(initLimitMs, settings.timeoutMs);
      const started = await fresh.reply(limitMs);
      if (started.type !== 'ready') {
        await discard();
        return failure(started, `after ${limitMs} ms of loading`);
      }
    }
    const current = sandbox;
    if (!current) return { outcome: 'crash', error: "the function's process ended right after loading" };
    const deadlineMs = Date.now() + settings.timeoutMs;
    const invocation = { requestId: randomUUID(), deadlineMs, eventJson };
    // If the process has already ended, this call fails silently, and `reply` reports the end of the process.
    current.child.send(invocation, () => {});
    const reply = await current.reply(settings.timeoutMs);
    if (reply.type !== 'succeeded') return failure(reply, `after ${settings.timeoutMs} ms`);
    const bytes = Buffer.byteLength(reply.resultJson);
    return bytes > maxPayloadBytes
      ? { outcome: 'error', error: `Function.ResponseSizeTooLarge: the result has ${bytes} bytes, the limit is 6 MB` }
      : { outcome: 'success', resultJson: reply.resultJson };
  }

  let renewWanted = false;
  return {
    async invoke(eventJson) {
      busy = true;
      try {
        return await run(eventJson);
      } finally {
        busy = false;
        if (renewWanted) await discard();
        renewWanted = false;
      }
    },
    renew() {
      if (busy) renewWanted = true;
      else void discard();
    },
    stop: discard,
  };
}

function failure(reply: Awaited<ReturnType<Sandbox['reply']>>, when: string): InvocationResult {
  switch (reply.type) {
    case 'failed':
    case 'initFailed':
      return { outcome: 'error', error: `${reply.error.errorType}: ${reply.error.errorMessage}` };
    case 'timeout':
      return { outcome: 'timeout', error: `the function timed out ${when}` };
    case 'ended':
      return { outcome: 'crash', error: `the function's process ended before it responded (${reply.how})` };
    case 'ready':
    case 'succeeded':
      return { outcome: 'crash', error: 'the function sent an unexpected reply' };
  }
}

function startSandbox(settings: EnvironmentSettings): Sandbox {
  const { modulePath, exportName, handlerWrapper, workingDirectory, variables, memoryMb, onLine } = settings;
  const child = fork(
    runtimePath,
    [JSON.stringify({ modulePath, exportName, handlerWrapper, parentPid: process.pid })],
    {
      cwd: workingDirectory,
      // The AWS SDK needs a home directory, which Lambda provides. A local user may have neither HOME nor an entry in /etc/passwd.
      env: { HOME: process.env.HOME || tmpdir(), ...variables },
      execArgv: ['--enable-source-maps', `--max-old-space-size=${memoryMb}`],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream! }).on('line', onLine);

  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      const how = signal ? `signal ${signal}` : `exit code ${code}`;
      // This waits for the remaining output, but not forever: a grandchild process can keep the pipes open.
      child.once('close', () => resolve(how));
      setTimeout(() => resolve(how), lastLinesLimitMs).unref();
    });
  });

  return {
    child,
    ended,
    async reply(limitMs) {
      let timer: NodeJS.Timeout | undefined;
      let onReply: ((reply: Reply) => void) | undefined;
      try {
        const answered = await Promise.race([
          new Promise<Reply>((resolve) => child.on('message', (onReply = resolve))),
          ended.then((how) => ({ type: 'ended' as const, how })),
          new Promise<{ type: 'timeout' }>((resolve) => {
            timer = setTimeout(() => resolve({ type: 'timeout' }), limitMs);
          }),
        ]);
        if (answered.type === 'timeout') {
          child.kill('SIGKILL');
          await ended;
        }
        return answered;
      } finally {
        clearTimeout(timer);
        if (onReply) child.off('message', onReply);
      }
    },
  };
}
