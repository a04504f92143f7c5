import { createHash } from 'node:crypto';
import { GenericContainer, getContainerRuntimeClient } from 'testcontainers';
import type { StartedTestContainer, WaitStrategy } from 'testcontainers';
import { freePorts } from './ports.ts';
import { reasonOf } from './command-line.ts';
import { watchEnd } from './watch-end.ts';

const STOPPED_WITHIN_MS = 15_000;

/** The Docker image to run and its options. The ports are published on 127.0.0.1. */
export interface ContainerOptions {
  readonly image: string;
  readonly ports: readonly number[];
  readonly waitFor: WaitStrategy;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly hostname?: string;
  readonly files?: readonly { content: string; target: string }[];
  /** A folder in the container whose files are kept in a named Docker volume. */
  readonly volume?: { readonly name: string; readonly target: string };
}

/**
 * A running Docker container. The container keeps its ports when it is restarted, and Testcontainers removes the
 * container when this process ends.
 */
export interface Container {
  readonly ports: readonly number[];
  readonly kill: () => Promise<void>;
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Calls `listener` when the container ends unexpectedly. */
  readonly onDeath: (listener: (how: string) => void) => void;
}

export async function startContainer(options: ContainerOptions): Promise<Container> {
  const hostPorts = await freePorts(options.ports.length);
  let container = new GenericContainer(options.image)
    .withExposedPorts(...options.ports.map((port, at) => ({ container: port, host: hostPorts[at] ?? 0 })))
    .withWaitStrategy(options.waitFor);
  if (options.command !== undefined) container = container.withCommand([...options.command]);
  if (options.user !== undefined) container = container.withUser(options.user);
  if (options.hostname !== undefined) container = container.withHostname(options.hostname);
  if (options.files !== undefined) container = container.withCopyContentToContainer([...options.files]);
  if (options.volume !== undefined) {
    container = container.withBindMounts([{ source: options.volume.name, target: options.volume.target }]);
  }
  const started: StartedTestContainer = await container.start();
  const { container: client } = await getContainerRuntimeClient();
  const inDocker = client.getById(started.getId());
  const { onDeath, during } = watchEnd(async () => {
    const { StatusCode } = (await inDocker.wait()) as { StatusCode: number };
    return `exit code ${StatusCode}`;
  });
  return {
    ports: hostPorts,
    kill: () => during(() => inDocker.kill({ signal: 'SIGKILL' }), false),
    restart: () => during(() => started.restart({ timeout: STOPPED_WITHIN_MS }), true),
    stop: () =>
      during(async () => {
        await started.stop({ timeout: STOPPED_WITHIN_MS, remove: true, removeVolumes: true });
      }, false),
    onDeath,
  };
}

export function volumeOf(dataDirectory: string): string {
  return `surehop-${createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16)}`;
}

/** Removes the Docker volume with the data of `dataDirectory`, if the volume exists. */
export async function removeVolume(dataDirectory: string): Promise<void> {
  const { container: client } = await getContainerRuntimeClient();
  try {
    await client.dockerode.getVolume(volumeOf(dataDirectory)).remove();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return;
    throw new Error(`cannot remove the Docker volume ${volumeOf(dataDirectory)}: ${reasonOf(error)}`, { cause: error });
  }
}
