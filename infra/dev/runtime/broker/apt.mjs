// @ts-check
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../run-command.mjs';

/**
 * Debian's package manager without root permissions: it looks up and downloads packages, but never installs them.
 *
 * @typedef {object} Apt
 * @property {(packages: readonly string[]) => Promise<string[]>} dependenciesOf Returns the direct dependencies of the packages. If
 *   Debian offers alternatives for a dependency, returns the first one that is a real package.
 * @property {(packages: readonly string[]) => Promise<Set<string>>} installedOf Returns the names of those given packages that are
 *   installed on this system.
 * @property {(packages: readonly string[], directory: string) => Promise<void>} download
 */

/**
 * Opens apt with the system's package lists. If the system's lists do not contain the package, downloads private
 * package lists to `stateDirectory` and uses the private lists.
 *
 * @param {{ package: string, stateDirectory: string, say: (line: string) => void, signal?: AbortSignal }} options
 * @returns {Promise<Apt>}
 */
export async function openApt({ package: name, stateDirectory, say, signal }) {
  const unsandboxed = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  const own = [...unsandboxed, ...privateState(stateDirectory)];
  let options = unsandboxed;
  const refresh = async () => {
    say("fetching Debian's package lists");
    makeState(stateDirectory);
    options = own;
    await run('apt-get', [...options, 'update', '-q'], { signal });
  };
  const isKnown = async () =>
    /^\s*Candidate: (?!\(none\))/m.test(await run('apt-cache', [...options, 'policy', name], { signal }));
  if (!(await isKnown())) {
    await refresh();
    if (!(await isKnown())) throw new Error(`apt has no package ${name}`);
  }
  return {
    dependenciesOf: async (packages) =>
      parseDependencies(await run('apt-cache', [...options, 'depends', '--important', ...packages], { signal })),
    installedOf,
    download: async (packages, directory) => {
      const download = () => run('apt-get', [...options, 'download', '-q', ...packages], { cwd: directory, signal });
      // The download fails if the package lists are outdated and name archives that no longer exist.
      await download().catch(async (error) => {
        if (options === own || signal?.aborted) throw error;
        await refresh();
        await download();
      });
    },
  };
}

/**
 * Returns the package names in the output of `apt-cache depends`. From lines that are marked as alternatives, returns only the
 * first real package.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function parseDependencies(text) {
  /** @type {Set<string>} */
  const names = new Set();
  let isChosen = false;
  for (const line of text.split('\n')) {
    const match = /^ (?<more>[ |])(?:Pre)?Depends: (?<name>\S+)/.exec(line);
    if (match?.groups === undefined) continue;
    const { more, name = '' } = match.groups;
    if (!isChosen && !name.startsWith('<')) {
      names.add(name.replace(/:any$/, ''));
      isChosen = true;
    }
    if (more !== '|') isChosen = false;
  }
  return [...names];
}

/** @param {readonly string[]} packages */
async function installedOf(packages) {
  const found = packages.map((name) =>
    run('dpkg-query', ['--show', '--showformat=${db:Status-Status}', name]).then(
      (status) => (status.includes('installed') && !status.includes('not-installed') ? name : undefined),
      () => undefined,
    ),
  );
  return new Set((await Promise.all(found)).filter((name) => name !== undefined));
}

/** @param {string} directory */
function privateState(directory) {
  return Object.entries({
    'Dir::State': join(directory, 'state'),
    'Dir::State::lists': join(directory, 'state/lists'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(directory, 'cache'),
    'Dir::Log': join(directory, 'log'),
    'Debug::NoLocking': 'true',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** @param {string} directory */
function makeState(directory) {
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'log']) {
    mkdirSync(join(directory, folder), { recursive: true });
  }
}
