import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { createFrameCutter, isAck } from './amqp-frames.ts';

/**
 * What the proxy does with a `basic.ack` frame: forward the frame, drop the frame, or reset the connection before or
 * after forwarding the frame.
 */
export type AckFate = 'pass' | 'drop' | 'reset-before' | 'reset-after';

export interface NetworkFault {
  /** Decides what the proxy does with a confirm that the broker sends to a publisher. */
  readonly onConfirm?: () => AckFate;
  /** Decides what the proxy does with an acknowledgement that a consumer sends to the broker. */
  readonly onAcknowledge?: () => AckFate;
  /** Returns how long the proxy delays the next chunk of data, in ms, in either direction. */
  readonly delayMs?: () => number;
  /**
   * Whether the proxy separates the broker from its clients: it forwards no data and opens no new connections to the
   * broker.
   */
  readonly isPartition?: boolean;
}

/** A TCP proxy that injects network faults between the broker and AMQP clients. */
export interface BrokerProxy {
  readonly port: number;
  /** Activates a network fault. The fault ends when the returned function is called. */
  inject(fault: NetworkFault): () => void;
  /** Makes the proxy forward new connections to `upstreams` until the returned function is called. */
  reroute(upstreams: readonly Upstream[]): () => void;
  reset(): void;
  /**
   * Makes the proxy silently discard all data of the connections that are open now. Later connections work normally.
   */
  freeze(): void;
  close(): Promise<void>;
}

/** The target to which the proxy forwards connections: a host and a port, or the path of a Unix socket. */
export type Upstream = { readonly host: string; readonly port: number } | { readonly path: string };

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  isFrozen: boolean;
}

/**
 * Starts a proxy on a free port of 127.0.0.1. The proxy distributes new connections over the targets that accept
 * connections.
 */
export async function startBrokerProxy(usual: readonly Upstream[]): Promise<BrokerProxy> {
  const links = new Set<Link>();
  const faults = new Set<NetworkFault>();
  const changes = new EventEmitter();
  changes.setMaxListeners(0);
  let upstreams = usual;
  let turn = 0;

  const listener = createServer({ noDelay: true }, (client) => {
    client.on('error', () => {});
    void open(client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string')
    throw new Error(`the proxy in front of the broker must listen on a TCP port, but its address is ${address}`);

  async function open(client: Socket): Promise<void> {
    await untilJoined();
    const first = turn++ % upstreams.length;
    const server = await dial([...upstreams.slice(first), ...upstreams.slice(0, first)]);
    if (!server || client.destroyed) {
      client.resetAndDestroy();
      server?.destroy();
      return;
    }
    const link: Link = { client, server, isFrozen: false };
    links.add(link);
    void pipe(link, client, server, 'onAcknowledge');
    void pipe(link, server, client, 'onConfirm');
  }

  async function untilJoined(): Promise<void> {
    while ([...faults].some(({ isPartition }) => isPartition)) await once(changes, 'change');
  }

  function fateOf(frame: Buffer, asked: 'onConfirm' | 'onAcknowledge'): AckFate {
    if (faults.size === 0 || !isAck(frame)) return 'pass';
    const fates = [...faults].map((fault) => fault[asked]?.() ?? 'pass');
    return fates.find((fate) => fate !== 'pass') ?? 'pass';
  }

  async function pipe(link: Link, from: Socket, to: Socket, asked: 'onConfirm' | 'onAcknowledge'): Promise<void> {
    const cutter = createFrameCutter();
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        const frames = cutter.push(chunk);
        const delayMs = [...faults].reduce((sum, fault) => sum + (fault.delayMs?.() ?? 0), 0);
        if (delayMs > 0) await sleep(delayMs);
        await untilJoined();
        if (link.isFrozen) continue;
        for (const bytes of faults.size > 0 ? frames : [Buffer.concat(frames)]) {
          const fate = fateOf(bytes, asked);
          if (fate === 'drop') continue;
          if (fate === 'reset-before') return cut(link);
          if (bytes.length > 0 && !to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
          if (fate === 'reset-after') {
            // Data written before the reset must leave first.
            await sleep(5);
            return cut(link);
          }
        }
      }
      await untilJoined();
      if (!link.isFrozen) to.end();
    } catch {
      if (!link.isFrozen) cut(link);
    }
  }

  function cut(link: Link): void {
    links.delete(link);
    for (const socket of [link.client, link.server]) {
      // Unix sockets, which have no address, cannot be reset.
      if (socket.remoteAddress === undefined) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  return {
    port: address.port,
    inject(fault) {
      faults.add(fault);
      return () => {
        faults.delete(fault);
        changes.emit('change');
      };
    },
    reroute(others) {
      upstreams = others;
      return () => void (upstreams = usual);
    },
    reset() {
      for (const link of links) cut(link);
    },
    freeze() {
      for (const link of links) link.isFrozen = true;
    },
    async close() {
      listener.close();
      for (const link of links) cut(link);
    },
  };
}

async function dial(upstreams: readonly Upstream[]): Promise<Socket | undefined> {
  for (const upstream of upstreams) {
    const socket = connect({ ...upstream, noDelay: true });
    socket.on('error', () => {});
    const isOpen = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      once(socket, 'close').then(() => false),
    ]);
    if (isOpen) return socket;
    socket.destroy();
  }
  return undefined;
}
