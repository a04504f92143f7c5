import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const SOCKETS = [
  '/var/run/docker.sock',
  '.docker/run/docker.sock',
  '.docker/desktop/docker.sock',
  '.testcontainers.properties',
];

/** Whether a Docker daemon answers; takes milliseconds where there is none. */
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

/** Importing testcontainers takes 0.4 s: not done where neither a setting nor a socket speaks of a daemon. */
function mayDockerBeHere({ DOCKER_HOST, XDG_RUNTIME_DIR, HOME }: NodeJS.ProcessEnv): boolean {
  const home = HOME === undefined || HOME === '' ? '/' : homedir();
  return (
    (DOCKER_HOST ?? '') !== '' ||
    process.platform === 'win32' ||
    (XDG_RUNTIME_DIR !== undefined && existsSync(join(XDG_RUNTIME_DIR, 'docker.sock'))) ||
    SOCKETS.some((path) => existsSync(path.startsWith('/') ? path : join(home, path)))
  );
}
