// Starts a command of this repository: `node infra/dev/run.mjs start|test|check|… [arguments]`. Before that, this script installs
// the npm packages, and therefore the script is plain JavaScript and imports none. The commands that are not listed here are those
// of the package surehop-dev.
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { install } from './install/install.mjs';
import { groupOf, isInstalled } from './install/packages.mjs';
import { checkPreconditions, npmEnvironment, prepareProcess, STARTS_SERVERS } from './launch.mjs';
import { thisMachine } from './runtime/platform.mjs';

/** The commands that only this repository has. */
const COMMANDS = {
  build: 'infra/build/command.ts',
  check: 'infra/build/check.ts',
  create: 'infra/build/create.ts',
  lock: 'infra/build/lock.ts',
  stages: 'infra/build/stages.ts',
  errors: 'infra/build/errors.ts',
  demo: 'infra/demo/demo.ts',
  order: 'infra/demo/order.ts',
  test: 'test/command.ts',
  pictures: 'test/browser/pictures.ts',
  faults: 'test/faults/commands/faults.ts',
  soak: 'test/faults/commands/soak.ts',
  bench: 'test/bench/command.ts',
};
/** The commands that need packages of the devDependencies. */
const NEEDS_EVERYTHING = new Set([
  'test',
  'pictures',
  'check',
  'build',
  'create',
  'faults',
  'soak',
  'bench',
  'stages',
  'metrics',
  'errors',
]);

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const [command] = process.argv.slice(2);
checkPreconditions(command, root);
const { hasDocker, hasRabbitmq } = thisMachine(process.env);
// Testcontainers, which runs RabbitMQ and DynamoDB in Docker, belongs to the devDependencies.
const group = groupOf(root, NEEDS_EVERYTHING.has(command) || hasDocker);
if (!isInstalled(root, group)) {
  const local = join(root, '.local');
  const needsDebianServer = STARTS_SERVERS.has(command) && !process.env.AMQP_URL && !hasDocker && !hasRabbitmq;
  const errors = await install({ root, local, group, needsDebianServer, environment: npmEnvironment(local) });
  if (errors === undefined) process.exit(130);
  for (const error of errors) process.stderr.write(`surehop: ${error}\n`);
  if (errors.length > 0) process.exit(1);
}
process.chdir(root);
prepareProcess(command, root);
await import('tsx');
if (Object.hasOwn(COMMANDS, command ?? '')) {
  const script = join(root, COMMANDS[command]);
  process.argv.splice(1, 2, script);
  await import(pathToFileURL(script).href);
} else {
  const { main } = await import('./main.ts');
  await main(process.argv.slice(2));
}
