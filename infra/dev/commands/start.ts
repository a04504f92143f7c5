import { constants } from 'node:os';

import { watchDefinitions } from '../definitions/watch-definitions.ts';
import { readDefinitions } from '../definitions/read-definitions.ts';
import { onShutdown, Problem, reasonOf, say } from '../runtime/command-line.ts';
import { localDirectory, rootDirectory, startLock } from '../runtime/directories.ts';
import { takeLock } from '../runtime/process-lock.ts';
import { isPortTaken, ownerOfPort } from '../runtime/ports.ts';
import { mistakeInConfiguration } from '../runtime/serverless.ts';
import { announceRunning } from '../runtime/running.ts';
import { misspeltSettings, readSettings } from '../runtime/settings.ts';
import { defineCommand, print, UsageError } from './command.ts';

export const command = defineCommand({
  usage: [''],
  details: [
    'The environment variables HTTP_PORT, AMQP_URL, DYNAMODB_ENDPOINT and the other settings of Surehop are used if they are set. Without AMQP_URL, the command starts a RabbitMQ; without DYNAMODB_ENDPOINT, it starts a DynamoDB. Edited functions are rebuilt, and an edited topology is applied, while the service runs.',
  ],
  needs: 'definitions',
  run: ({ words }) => {
    const given = words.join(' ');
    if (words.length > 0) throw new UsageError(`surehop start takes no arguments, but it was given "${given}"`);
    return run();
  },
});

async function run(): Promise<number> {
  const settings = readSettings(process.env, localDirectory);
  const definitions = await readDefinitions(rootDirectory, settings.tablePrefix).catch((error: unknown) => {
    throw new Problem(reasonOf(error), { exitCode: 2, cause: error });
  });
  // The check must not slow down the start of the servers. The start of the functions reports the same mistakes, only later.
  const checking = mistakeInConfiguration(rootDirectory, { priority: constants.priority.PRIORITY_LOW });
  for (const warning of misspeltSettings(process.env, Object.keys(definitions.settings))) say(`warning: ${warning}`);
  const lock = takeLock(startLock);
  if ('heldBy' in lock) {
    throw new Problem(
      `npm start is already running in this project (pid ${lock.heldBy}); stop it with Ctrl-C or kill ${lock.heldBy}`,
    );
  }
  try {
    await checkPort(settings.httpPort);
    // These modules are imported only after readDefinitions has compiled the same sources. A syntax error in them is then
    // reported in one line instead of a stack trace.
    const { startDevEnvironment } = await import('../runtime/dev-environment.ts');
    const { welcome } = await import('../runtime/welcome.ts');
    const shutdown = new Promise<void>((resolve) => {
      onShutdown({ begin: resolve, force: () => process.exit(130) });
    });
    const starting = startDevEnvironment({
      settings,
      dataDirectory: localDirectory,
      keepData: true,
      watch: true,
      say,
      output: print,
    });
    const rejected = checking.then((mistake) => {
      if (mistake !== undefined) throw new Problem(`serverless.yml contains a mistake: ${mistake}`, { exitCode: 2 });
      return starting;
    });
    const environment = await Promise.race([starting, shutdown, rejected]);
    // No batch is running yet, and the processes that were started end together with this process.
    if (environment === undefined) return 130;
    const stopAnnouncing = announceRunning(environment);
    print(welcome({ environment, settings, definitions }));

    const { broker, store } = environment;
    const stopWatching = watchDefinitions(rootDirectory, definitions, { broker, store, settings, say });
    const reason = await Promise.race([shutdown, environment.failed]);
    stopWatching();
    stopAnnouncing();
    if (reason === undefined)
      say('npm start stops after the running batch (press Ctrl-C again to stop it immediately)');
    await environment.stop();
    if (reason !== undefined) throw new Problem(reason);
    say('stopped');
    return 0;
  } finally {
    lock.release();
  }
}

async function checkPort(port: number): Promise<void> {
  if (!(await isPortTaken(port))) return;
  const owner = ownerOfPort(port);
  const byOwner = owner === undefined ? '' : ` by ${owner}`;
  throw new Problem(`port ${port} is in use${byOwner}; choose another one: HTTP_PORT=${port + 1} npm start`);
}
