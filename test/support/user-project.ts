import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { aHostileDirectory } from './hostile-directory.ts';

/** A project of a user outside of the repository. */
export interface UserProject {
  readonly directory: string;
  /** Runs a script of an installed package with Node. Throws an error with its output if it fails. */
  run(script: string, args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<string>;
  remove(): void;
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Creates a project and installs tarballs in it without a package registry. `tools` are further libraries that the user
 * installs.
 */
export function aUserProject(tarballs: readonly string[], tools: readonly string[]): UserProject {
  const directory = aHostileDirectory('user');
  const modules = join(directory, 'node_modules');
  mkdirSync(modules, { recursive: true });
  const manifests = tarballs.map((tarball) => {
    const unpacked = join(directory, 'unpacked');
    mkdirSync(unpacked);
    execFileSync('tar', ['-x', '-z', '-f', tarball, '-C', unpacked]);
    const manifest = JSON.parse(readFileSync(join(unpacked, 'package', 'package.json'), 'utf8')) as Manifest;
    cpSync(join(unpacked, 'package'), join(modules, manifest.name), { recursive: true });
    rmSync(unpacked, { recursive: true });
    return manifest;
  });
  const declared = manifests.flatMap(({ dependencies, peerDependencies, optionalDependencies }) =>
    Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }),
  );
  const own = new Set(manifests.map(({ name }) => name));
  for (const name of new Set([...declared, ...tools])) {
    if (own.has(name)) continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(rootDirectory, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'shop', private: true, type: 'module' }));
  return {
    directory,
    async run(script, args, environment = {}) {
      try {
        const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], {
          cwd: directory,
          env: { ...process.env, ...environment },
          maxBuffer: 50_000_000,
        });
        return stdout;
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Error(`${script} ${args.join(' ')}:\n${stdout}${stderr}`, { cause: error });
      }
    },
    remove: () => rmSync(dirname(directory), { recursive: true, force: true }),
  };
}

/** Writes the examples of a README: every code block whose first line is a comment with the path of a file. */
export function writeExamples(readme: string, directory: string): string[] {
  const blocks = readFileSync(join(rootDirectory, readme), 'utf8').matchAll(
    /^```\w+\n(?:\/\/|#) ([\w./-]+\.\w+)\n([\s\S]*?)^```$/gm,
  );
  return [...blocks].map(([, file, code]) => {
    mkdirSync(dirname(join(directory, file!)), { recursive: true });
    writeFileSync(join(directory, file!), code!);
    return file!;
  });
}
