import { mayDockerBeHere } from './platform.mjs';

/** Returns whether a Docker daemon responds. */
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
