import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

import { chromium, type Browser } from 'playwright-core';

import { openApt } from '../../infra/dev/runtime/broker/apt.mjs';
import { closureOf, removeLeftovers } from '../../infra/dev/runtime/broker/debian.mjs';
import { reasonOf } from '../../infra/dev/runtime/command-line.ts';
import { localDirectory } from '../../infra/dev/runtime/directories.ts';
import { run } from '../../infra/dev/runtime/run-command.mjs';
import { readSettings } from '../../infra/dev/runtime/settings.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * The path of Chromium's executable file, and the folders with the shared libraries that Chromium needs and this system
 * lacks.
 */
export interface Chromium {
  readonly program: string;
  readonly libraries?: string;
}

/**
 * Finds Chromium at CHROMIUM_PATH or on PATH, or unpacks Debian's packages without root permissions. Returns a reason
 * if Chromium is not available.
 */
export async function findChromium(): Promise<Chromium | { readonly missing: string }> {
  const { CHROMIUM_PATH, PATH = '' } = process.env;
  if (CHROMIUM_PATH)
    return existsSync(CHROMIUM_PATH)
      ? { program: CHROMIUM_PATH }
      : { missing: `there is no file ${CHROMIUM_PATH}, which CHROMIUM_PATH names` };
  const installed = PATH.split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
  if (installed !== undefined) return { program: installed };
  const directory = join(readSettings({ ...process.env, STAGE: '' }, localDirectory).cacheDirectory, 'chromium');
  const unpacked = unpackedIn(directory);
  if (unpacked) return unpacked;
  try {
    await unpack(directory);
    return unpackedIn(directory) ?? { missing: `the packages unpacked in ${directory} are incomplete` };
  } catch (error) {
    return {
      missing: `Chromium is not installed, and Debian's packages cannot be unpacked: ${reasonOf(error)}; run "sudo apt-get install chromium", or set CHROMIUM_PATH to the program of an installed Chromium`,
    };
  }
}

function unpackedIn(directory: string): Chromium | undefined {
  const root = join(directory, 'root');
  const program = join(root, 'usr/lib/chromium/chromium');
  if (!existsSync(program)) return undefined;
  // Some packages have libraries in folders of their own, for example in usr/lib/x86_64-linux-gnu/pulseaudio.
  const folders = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.so(\.\d+)*$/.test(name))
    .map((name) => dirname(join(root, name)));
  return { program, libraries: [...new Set(folders)].join(':') };
}

/**
 * Unpacks the packages in a temporary folder first, so that another process never uses incompletely unpacked packages.
 */
async function unpack(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  removeLeftovers(directory);
  const scratch = mkdtempSync(join(directory, 'unpacking-'));
  try {
    const apt = await openApt({ package: 'chromium', stateDirectory: join(scratch, 'apt'), say: () => {} });
    const packages = await closureOf(apt, 'chromium', (name) => name === 'chromium-common');
    await apt.download(packages, scratch);
    const root = join(scratch, 'root');
    for (const archive of readdirSync(scratch).filter((name) => name.endsWith('.deb')))
      await run('dpkg-deb', ['--extract', join(scratch, archive), root]);
    if (!existsSync(join(directory, 'root'))) renameSync(root, join(directory, 'root'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Starts Chromium without a window. Chromium's sandbox is off, because many containers do not allow it, and because the
 * browser opens only pages of this repository.
 */
export function startChromium({ program, libraries }: Chromium): Promise<Browser> {
  return chromium.launch({
    executablePath: program,
    chromiumSandbox: false,
    args: [
      '--disable-dev-shm-usage',
      '--lang=en-GB',
      // Chromium's own checks of requests to this machine would hide whether the service refuses them. A spare process for the next
      // page is never used, because each test opens a browser context of its own.
      '--disable-features=LocalNetworkAccessChecks,SpareRendererForSitePerProcess',
    ],
    ...(libraries !== undefined && {
      env: {
        ...(process.env as Record<string, string>),
        LD_LIBRARY_PATH: [libraries, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':'),
      },
    }),
  });
}
