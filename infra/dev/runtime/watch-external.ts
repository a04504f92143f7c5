import { connect } from 'node:net';
import type { Say } from './command-line.ts';

const EVERY_MS = 5_000;
const CONNECT_TIMEOUT_MS = 2_000;

/**
 * Watches a server that another process started, and prints a line when the server stops accepting connections and when
 * it accepts them again. Returns a function that stops watching.
 */
export function watchExternal(
  address: string,
  { name, say, everyMs = EVERY_MS }: { name: string; say: Say; everyMs?: number },
): () => void {
  let isUnavailable = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function check(): Promise<void> {
    const wasUnavailable = isUnavailable;
    isUnavailable = !(await acceptsConnections(address));
    if (isStopped) return;
    if (isUnavailable && !wasUnavailable)
      say(`${name} does not accept connections; npm start did not start it and does not restart it`);
    if (!isUnavailable && wasUnavailable) say(`${name} accepts connections again`);
    timer = setTimeout(() => void check(), everyMs).unref();
  }

  timer = setTimeout(() => void check(), everyMs).unref();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'amqp:': 5_672, 'amqps:': 5_671, 'http:': 80, 'https:': 443 };

function acceptsConnections(address: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(address);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || DEFAULT_PORTS[protocol]!,
      timeout: CONNECT_TIMEOUT_MS,
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
