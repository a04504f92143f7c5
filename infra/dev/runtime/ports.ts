import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

const listening = (port: number, host: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

// Linux and macOS take the ports of outgoing connections from the range above, so a free port of this range stays free.
const FIRST_PORT = 10_000;
const LAST_PORT = 32_767;

/** Returns `count` different ports that are free at all addresses of `localhost`. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (!ports.has(port) && !(await isPortTaken(port))) ports.add(port);
  }
  return [...ports];
}

/** Returns whether another process listens on `port` at any of the addresses that `localhost` can stand for. */
export async function isPortTaken(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', '0.0.0.0', '::1', '::']) {
    try {
      await close(await listening(port, host));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return true;
      if ((error as NodeJS.ErrnoException).code === 'EACCES') throw error;
    }
  }
  return false;
}

/**
 * Returns a description of the process that listens on `port`, such as "node (pid 123)". Returns undefined if the
 * commands `ss` and `lsof` do not find the process.
 */
export function ownerOfPort(port: number): string | undefined {
  const run = (command: string, args: string[], pattern: RegExp): string | undefined => {
    try {
      const text = execFileSync(command, args, {
        encoding: 'utf8',
        timeout: 1_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const { name, pid } = pattern.exec(text)?.groups ?? {};
      return pid === undefined ? undefined : `${name ?? 'process'} (pid ${pid})`;
    } catch {
      return undefined;
    }
  };
  return (
    run('ss', ['-Hltnp', `sport = :${port}`], /\("(?<name>[^"]+)",pid=(?<pid>\d+)/) ??
    run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], /p(?<pid>\d+)\nc(?<name>.+)/)
  );
}
