// @ts-check
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * Returns the folder for unpacked packages, which all clones of this project share. Returns undefined if SUREHOP_CACHE names a
 * folder that is not writable.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} localDirectory The folder that is used if the home directory is not writable.
 * @returns {string | undefined}
 */
export function cacheDirectory({ SUREHOP_CACHE, XDG_CACHE_HOME, HOME }, localDirectory) {
  if (SUREHOP_CACHE) {
    const wanted = resolve(SUREHOP_CACHE);
    return canWrite(wanted) ? wanted : undefined;
  }
  const candidates = [
    ...(XDG_CACHE_HOME ? [join(XDG_CACHE_HOME, 'surehop')] : []),
    ...(!HOME || !existsSync(HOME) || HOME.startsWith(localDirectory) ? [] : [join(HOME, '.cache', 'surehop')]),
  ];
  return candidates.find(canWrite) ?? join(localDirectory, 'cache');
}

/**
 * Creates `directory` if needed and returns whether it is writable.
 *
 * @param {string} directory
 */
function canWrite(directory) {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
