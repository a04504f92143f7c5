#!/usr/bin/env node
// @ts-check
// `npm create surehop my-service` copies the folder `template` to the new folder `my-service`.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';

/** The name of the service in the template. */
const TEMPLATE_NAME = 'my-service';

/** The packages that a service depends on and that have the same version as this package. */
const OWN_PACKAGES = ['surehop', 'surehop-console', 'surehop-dev', 'serverless-surehop', 'serverless-offline-rabbitmq'];

const USAGE = `npm create surehop my-service
  creates the folder my-service with a service of that name; the name begins the names of its stacks, tables and broker users`;

/**
 * @param {string} line
 * @returns {never}
 */
function fail(line, exitCode = 1) {
  process.stderr.write(`create-surehop: ${line}\n`);
  process.exit(exitCode);
}

const [given, ...more] = process.argv.slice(2);
if (given === '--help' || given === '-h') {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}
if (given === undefined || more.length > 0) fail(`expected the name of the new folder\n${USAGE}`, 2);
const folder = resolve(given);
const name = basename(folder);
if (!/^[a-z][a-z0-9-]{0,30}[a-z0-9]$/.test(name))
  fail(
    `"${name}" cannot be the name of a service, because AWS resources are named after it: use 2 to 32 lower-case letters, digits and hyphens, and begin with a letter`,
    2,
  );
if (existsSync(folder) && readdirSync(folder).length > 0)
  fail(`the folder ${folder} is not empty: choose another name, or empty the folder first`);

mkdirSync(folder, { recursive: true });
cpSync(join(import.meta.dirname, 'template'), folder, { recursive: true });
// npm leaves a file named .gitignore out of packages.
renameSync(join(folder, 'gitignore'), join(folder, '.gitignore'));
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = join(entry.parentPath, entry.name);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll(TEMPLATE_NAME, name));
}
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'));
const manifestFile = join(folder, 'package.json');
const manifest = JSON.parse(readFileSync(manifestFile, 'utf8'));
for (const dependencies of [manifest.dependencies, manifest.devDependencies])
  for (const own of OWN_PACKAGES) if (own in dependencies) dependencies[own] = `^${version}`;
writeFileSync(manifestFile, `${JSON.stringify(manifest, undefined, 2)}\n`);

process.stdout.write(`created the service ${name} in ${folder}

  cd ${relative(process.cwd(), folder) || '.'}
  npm install
  npm test       runs the tests
  npm start      runs the service on this machine

README.md explains the files and the next steps.
`);
