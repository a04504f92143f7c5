import { join, resolve } from 'node:path';

/** The root of the clone. */
export const rootDirectory = resolve(import.meta.dirname, '..', '..', '..');

/** The folder for local data, logs, and the cache if the home directory is not writable. */
export const localDirectory = join(rootDirectory, '.local');

/** The lock that the running `npm start` of this clone holds. */
export const startLock = join(localDirectory, 'start.lock');
