import { createServer, type Server } from 'node:net';
import { execFileSync } from 'node:child_process';

const listening = (port: number, host: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });

const portOf = (server: Server): number => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return address.port;
};

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

/** Returns `count` different ports that are free on 127.0.0.1. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening(0, '127.0.0.1')));
  const ports = servers.map(portOf);
  await Promise.all(servers.map(close));
  return ports;
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
 * commands `ss` and `lsof` find no such process.
 */
export function ownerOfPort(port: number): string | undefined {
  const ask = (command: string, args: string[], pattern: RegExp): string | undefined => {
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
    ask('ss', ['-Hltnp', `sport = :${port}`], /\("(?<name>[^"]+)",pid=(?<pid>\d+)/) ??
    ask('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], /p(?<pid>\d+)\nc(?<name>.+)/)
  );
}
