import { join } from 'node:path';

import { findProject } from '../project/find-project.mjs';

/** The root directory of the project in which this process was started: the folder with serverless.yml. */
export const rootDirectory = findProject(process.cwd()) ?? process.cwd();

/** The folder for local data and logs, and for the cache if the home directory is not writable. */
export const localDirectory = join(rootDirectory, '.local');

/** The path of the lock file that `npm start` holds while it runs in this project. */
export const startLock = join(localDirectory, 'start.lock');
