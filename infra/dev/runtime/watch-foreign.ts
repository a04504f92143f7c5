import { connect } from 'node:net';
import type { Say } from './command-line.ts';

const EVERY_MS = 5_000;
const PATIENCE_MS = 2_000;

/** Tells when a part that is not ours to start stops to take connections, and when it takes them again; returns how to stop that. */
export function watchForeign(
  address: string,
  { name, say, everyMs = EVERY_MS }: { name: string; say: Say; everyMs?: number },
): () => void {
  let isAway = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const wasAway = isAway;
    isAway = !(await takesConnections(address));
    if (isStopped) return;
    if (isAway && !wasAway) say(`${name} takes no connections; it is no process of npm start, which leaves it alone`);
    if (!isAway && wasAway) say(`${name} takes connections again`);
    timer = setTimeout(() => void look(), everyMs).unref();
  }

  timer = setTimeout(() => void look(), everyMs).unref();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'amqp:': 5_672, 'amqps:': 5_671, 'http:': 80, 'https:': 443 };

function takesConnections(address: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(address);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || DEFAULT_PORTS[protocol]!,
      timeout: PATIENCE_MS,
    });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
