import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { createFrameCutter, isAck } from './amqp-frames.ts';

/** What happens to one `basic.ack` on its way. */
export type AckFate = 'pass' | 'drop' | 'reset-before' | 'reset-after';

/** One thing that is wrong with the network for a while. */
export interface NetworkTrouble {
  /** Asked for each publisher's confirm. */
  readonly onConfirm?: () => AckFate;
  /** Asked for each consumer's acknowledgement. */
  readonly onAcknowledge?: () => AckFate;
  /** For how many ms a piece of data is held back, in either direction. */
  readonly delayMs?: () => number;
  /** Nothing passes, and no new connection is answered; what was sent arrives once it is over. */
  readonly isPartition?: boolean;
}

/** Something between the broker and its clients that fails when it is told to. */
export interface BrokerProxy {
  readonly port: number;
  /** Adds a trouble, until the returned function is called. */
  trouble(trouble: NetworkTrouble): () => void;
  /** Sends new connections another way, until the returned function is called. */
  reroute(upstreams: readonly Upstream[]): () => void;
  /** Ends every connection with a TCP reset. */
  reset(): void;
  /** From now on the open connections swallow everything without a sign; new ones are as they should be. */
  freeze(): void;
  close(): Promise<void>;
}

/** An address, or the path of a socket in the file system. */
export type Upstream = { readonly host: string; readonly port: number } | { readonly path: string };

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  isFrozen: boolean;
}

/** Starts a proxy on a free port of 127.0.0.1, which spreads connections over those of `upstreams` that answer. */
export async function startBrokerProxy(usual: readonly Upstream[]): Promise<BrokerProxy> {
  const links = new Set<Link>();
  const troubles = new Set<NetworkTrouble>();
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
  if (address === null || typeof address === 'string') throw new Error('the proxy listens on no port');

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
    while ([...troubles].some(({ isPartition }) => isPartition)) await once(changes, 'change');
  }

  function fateOf(frame: Buffer, asked: 'onConfirm' | 'onAcknowledge'): AckFate {
    if (troubles.size === 0 || !isAck(frame)) return 'pass';
    const fates = [...troubles].map((trouble) => trouble[asked]?.() ?? 'pass');
    return fates.find((fate) => fate !== 'pass') ?? 'pass';
  }

  async function pipe(link: Link, from: Socket, to: Socket, asked: 'onConfirm' | 'onAcknowledge'): Promise<void> {
    const cutter = createFrameCutter();
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        const frames = cutter.push(chunk);
        const delayMs = [...troubles].reduce((sum, trouble) => sum + (trouble.delayMs?.() ?? 0), 0);
        if (delayMs > 0) await sleep(delayMs);
        await untilJoined();
        if (link.isFrozen) continue;
        for (const bytes of troubles.size > 0 ? frames : [Buffer.concat(frames)]) {
          const fate = fateOf(bytes, asked);
          if (fate === 'drop') continue;
          if (fate === 'reset-before') return cut(link);
          if (bytes.length > 0 && !to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
          if (fate === 'reset-after') {
            // What was written is on its way before the reset can overtake it.
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
      // Only TCP knows a reset; a socket in the file system has no address.
      if (socket.remoteAddress === undefined) socket.destroy();
      else if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  return {
    port: address.port,
    trouble(trouble) {
      troubles.add(trouble);
      return () => {
        troubles.delete(trouble);
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
