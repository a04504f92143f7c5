import { watchDefinitions } from '../definitions/watch-definitions.ts';
import { readDefinitions } from '../definitions/read-definitions.ts';
import { entry, onShutdown, Problem, reasonOf, say } from '../runtime/command-line.ts';
import { localDirectory, rootDirectory, startLock } from '../runtime/directories.ts';
import { takeLock } from '../runtime/process-lock.ts';
import { isPortTaken, ownerOfPort } from '../runtime/ports.ts';
import { misspeltSettings, readSettings } from '../runtime/settings.ts';
import { welcome } from '../runtime/welcome.ts';

await entry(async () => {
  const settings = readSettings(process.env, localDirectory);
  for (const warning of misspeltSettings(process.env)) say(`warning: ${warning}`);
  const definitions = await readDefinitions(rootDirectory, settings.tablePrefix).catch((error: unknown) => {
    throw new Problem(reasonOf(error), { exitCode: 2, cause: error });
  });
  const lock = takeLock(startLock);
  if ('heldBy' in lock) {
    throw new Problem(
      `this clone runs already (pid ${lock.heldBy}); stop that one first with Ctrl-C or kill ${lock.heldBy}`,
    );
  }
  try {
    await checkPort(settings.httpPort);
    // Not before its sources are known to compile: a mistake in them is one line, and no stack.
    const { startLaptop } = await import('../runtime/dev-environment.ts');
    const shutdown = new Promise<void>((resolve) => {
      onShutdown({ begin: resolve, force: () => process.exit(130) });
    });
    const starting = startLaptop({
      settings,
      dataDirectory: localDirectory,
      keepData: true,
      watch: true,
      say,
      output: print,
    });
    const laptop = await Promise.race([starting, shutdown]);
    // Nothing is in flight before everything is up: the guards end what has started when we exit.
    if (laptop === undefined) return 130;
    print(welcome({ laptop, settings }));

    const { broker, store } = laptop;
    const stopWatching = watchDefinitions(rootDirectory, definitions, { broker, store, settings, say });
    const reason = await Promise.race([shutdown, laptop.failed]);
    stopWatching();
    if (reason === undefined) say('draining the batch in flight (Ctrl-C again to kill at once)');
    await laptop.stop();
    if (reason !== undefined) throw new Problem(reason);
    say('stopped');
    return 0;
  } finally {
    lock.release();
  }
});

async function checkPort(port: number): Promise<void> {
  if (!(await isPortTaken(port))) return;
  const owner = ownerOfPort(port);
  throw new Problem(
    `port ${port} is taken${owner === undefined ? '' : ` by ${owner}`}; take another: HTTP_PORT=${port + 1} npm start`,
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
