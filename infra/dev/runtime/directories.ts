import { join, resolve } from 'node:path';

/** The root directory of this clone of the repository. */
export const rootDirectory = resolve(import.meta.dirname, '..', '..', '..');

/** The folder for local data and logs, and for the cache if the home directory is not writable. */
export const localDirectory = join(rootDirectory, '.local');

/** The path of the lock file that `npm start` holds while it runs in this clone. */
export const startLock = join(localDirectory, 'start.lock');
