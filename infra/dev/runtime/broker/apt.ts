import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Say } from '../command-line.ts';
import { run } from '../run-command.ts';

/** Debian's package manager without root permissions: it looks up and downloads packages, but never installs them. */
export interface Apt {
  /**
   * Returns the direct dependencies of the packages. If Debian offers alternatives for a dependency, returns the first one that
   * is a real package.
   */
  readonly dependenciesOf: (packages: readonly string[]) => Promise<string[]>;
  /** Returns the names of those given packages that are installed on this system. */
  readonly installedOf: (packages: readonly string[]) => Promise<Set<string>>;
  readonly download: (packages: readonly string[], directory: string) => Promise<void>;
}

/**
 * Opens apt with the system's package lists. If the system's lists do not contain the package, downloads private
 * package lists to `stateDirectory` and uses the private lists.
 */
export async function openApt({
  package: name,
  stateDirectory,
  say,
}: {
  package: string;
  stateDirectory: string;
  say: Say;
}): Promise<Apt> {
  const unsandboxed = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  const own = [...unsandboxed, ...privateState(stateDirectory)];
  let options = unsandboxed;
  const refresh = async () => {
    say("fetching Debian's package lists");
    makeState(stateDirectory);
    options = own;
    await run('apt-get', [...options, 'update', '-q']);
  };
  const isKnown = async () => /^\s*Candidate: (?!\(none\))/m.test(await run('apt-cache', [...options, 'policy', name]));
  if (!(await isKnown())) {
    await refresh();
    if (!(await isKnown())) throw new Error(`apt has no package ${name}`);
  }
  return {
    dependenciesOf: async (packages) =>
      parseDependencies(await run('apt-cache', [...options, 'depends', '--important', ...packages])),
    installedOf,
    download: async (packages, directory) => {
      const download = () => run('apt-get', [...options, 'download', '-q', ...packages], { cwd: directory });
      // The download fails if the package lists are outdated and name archives that no longer exist.
      await download().catch(async (error: unknown) => {
        if (options === own) throw error;
        await refresh();
        await download();
      });
    },
  };
}

/**
 * Returns the package names in the output of `apt-cache depends`. From lines that are marked as alternatives, returns only the
 * first real package.
 */
export function parseDependencies(text: string): string[] {
  const names = new Set<string>();
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

async function installedOf(packages: readonly string[]): Promise<Set<string>> {
  const found = packages.map((name) =>
    run('dpkg-query', ['--show', '--showformat=${db:Status-Status}', name]).then(
      (status) => (status.includes('installed') && !status.includes('not-installed') ? name : undefined),
      () => undefined,
    ),
  );
  return new Set((await Promise.all(found)).filter((name) => name !== undefined));
}

function privateState(directory: string): string[] {
  return Object.entries({
    'Dir::State': join(directory, 'state'),
    'Dir::State::lists': join(directory, 'state/lists'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(directory, 'cache'),
    'Dir::Log': join(directory, 'log'),
    'Debug::NoLocking': 'true',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

function makeState(directory: string): void {
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'log']) {
    mkdirSync(join(directory, folder), { recursive: true });
  }
}
