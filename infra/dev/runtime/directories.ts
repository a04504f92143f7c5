import { join, resolve } from 'node:path';

/** The clone that this file is in. */
export const rootDirectory = resolve(import.meta.dirname, '..', '..', '..');

/** Everything that the laptop keeps: data, logs, and a cache where the home directory takes none. */
export const localDirectory = join(rootDirectory, '.local');

export const startLock = join(localDirectory, 'start.lock');
