import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const SOCKETS = [
  '/var/run/docker.sock',
  '.docker/run/docker.sock',
  '.docker/desktop/docker.sock',
  '.testcontainers.properties',
];

/** Returns whether a Docker daemon responds. This takes only milliseconds if there is none. */
export async function doesDockerAnswer(): Promise<boolean> {
  if (!mayDockerBeHere(process.env)) return false;
  try {
    const { getContainerRuntimeClient } = await import('testcontainers');
    await getContainerRuntimeClient();
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns whether a setting or a socket file suggests that a Docker daemon is running. If not, the slow import of testcontainers
 * (0.4 s) is unnecessary.
 */
function mayDockerBeHere({ DOCKER_HOST, XDG_RUNTIME_DIR, HOME }: NodeJS.ProcessEnv): boolean {
  const home = HOME === undefined || HOME === '' ? '/' : homedir();
  return (
    (DOCKER_HOST ?? '') !== '' ||
    process.platform === 'win32' ||
    (XDG_RUNTIME_DIR !== undefined && existsSync(join(XDG_RUNTIME_DIR, 'docker.sock'))) ||
    SOCKETS.some((path) => existsSync(path.startsWith('/') ? path : join(home, path)))
  );
}
