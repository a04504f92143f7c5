import type { Socket } from 'node:net';

import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';

import type { Clock } from '../clock.ts';
import { describeError, PublishError } from '../errors.ts';
import { gathering } from './gathering.ts';
import { isLoginRefused } from './log-in.ts';

/** One connection with its one confirm channel; both live and die together. */
export interface Link {
  readonly channel: ConfirmChannel;
  /** Why the broker takes no messages from this connection now (a memory or disk alarm), if so. */
  blocked(): string | undefined;
  /** Why the connection or the channel is gone, once it is. */
  lostBecause(): Error | undefined;
  /** Has the broker answer on a channel of its own, beside the one for publishing. */
  ping(): Promise<void>;
  /** Lets all that is published in this turn of the event loop go out in one piece; to be called after each publish. */
  gather(): void;
  /** Drops the socket without waiting for anybody. */
  destroy(): void;
}

export interface ConnectionOptions {
  /** Broker and login; `refused` is true where the last login was refused, so that a rotated one is read afresh. */
  readonly url: (refused: boolean) => Promise<string>;
  readonly heartbeatSeconds: number;
  readonly clock: Clock;
  /** Told of a connection that was blocked, for logs. */
  readonly name: string;
}

/** The one connection of an environment: opened when first needed, shared, replaced when it is gone or has slept too long. */
export interface Connection {
  /** The link in use, or a fresh one. Rejects with `BROKER_UNAVAILABLE` after `timeoutMs`. */
  link(timeoutMs: number): Promise<Link>;
  /** Resolves where the broker answers and takes messages now; rejects with a `PublishError` that says what is wrong. */
  probe(timeoutMs: number): Promise<void>;
  /** Takes `link` out of use: the next publish opens a fresh one. */
  retire(link: Link): void;
  /** Whether the next publish would go over `link`. */
  uses(link: Link): boolean;
  close(): Promise<void>;
}

/** What the socket takes before it asks to wait: room for a window of messages, which amqplib else hands on by 16 KiB. */
const SOCKET_BUFFER_BYTES = 256 * 1_024;

interface OpenLink extends Link {
  readonly model: ChannelModel;
  lastHeardAtMs: number;
}

/** The socket below an amqplib connection, which its types do not show. */
interface Socketed {
  readonly connection: { readonly stream: Socket };
}

/** What a broker gets to say goodbye, in ms. */
const CLOSE_WITHIN_MS = 2_000;

const socketOf = (model: ChannelModel) => (model as unknown as Socketed).connection.stream;

export function createConnection({ url, heartbeatSeconds, clock, name }: ConnectionOptions): Connection {
  let current: OpenLink | undefined;
  let opening: Promise<OpenLink> | undefined;

  async function openLink(timeoutMs: number, refused = false): Promise<OpenLink> {
    const address = new URL(await url(refused));
    address.searchParams.set('heartbeat', String(heartbeatSeconds));
    let model: ChannelModel;
    try {
      const options = {
        noDelay: true,
        writableHighWaterMark: SOCKET_BUFFER_BYTES,
        timeout: timeoutMs,
        clientProperties: { connection_name: name },
      };
      model = await connect(address.href, options);
    } catch (error) {
      if (isLoginRefused(error) && !refused) return openLink(timeoutMs, true);
      throw error;
    }
    let blockedBecause: string | undefined;
    let lossCause: Error | undefined;
    const socket = socketOf(model);
    const destroy = () => void socket.destroy(new Error('connection dropped by its owner'));
    const guard = setTimeout(destroy, timeoutMs);
    model.on('error', () => {});
    try {
      const channel = await model.createConfirmChannel();
      const link: OpenLink = {
        model,
        channel,
        destroy,
        gather: gathering(socket),
        ping: async () => {
          const beside = await model.createChannel();
          beside.on('error', () => {});
          await beside.close();
        },
        blocked: () => blockedBecause,
        lostBecause: () => lossCause,
        lastHeardAtMs: clock.now(),
      };
      const lose = (cause?: Error) => {
        lossCause ??= cause ?? new Error('connection closed');
        retire(link);
      };
      // Without listeners for `error` a lost connection would take the process down.
      for (const emitter of [model, channel]) emitter.on('error', lose).on('close', lose);
      model.on('blocked', (reason) => (blockedBecause = reason || 'resource alarm'));
      model.on('unblocked', () => (blockedBecause = undefined));
      socket.on('data', () => (link.lastHeardAtMs = clock.now()));
      return link;
    } catch (error) {
      destroy();
      throw error;
    } finally {
      clearTimeout(guard);
    }
  }

  /** A frozen environment sends no heartbeats: after that long a silence the broker has hung up, whether or not we were told. */
  const sleptThrough = (link: OpenLink) => clock.now() - link.lastHeardAtMs > heartbeatSeconds * 1_500;

  function retire(link: Link): void {
    if (current === link) current = undefined;
  }

  async function link(timeoutMs: number): Promise<Link> {
    if (current && sleptThrough(current)) {
      current.destroy();
      current = undefined;
    }
    if (current) return current;
    opening ??= openLink(timeoutMs)
      .then((fresh) => (current = fresh))
      .finally(() => (opening = undefined));
    try {
      return await within(timeoutMs, opening);
    } catch (error) {
      const { message } = describeError(error);
      throw new PublishError('BROKER_UNAVAILABLE', `the broker cannot be reached: ${withoutLogin(message)}`, {
        cause: error,
      });
    }
  }

  async function probe(timeoutMs: number): Promise<void> {
    const end = clock.now() + timeoutMs;
    const open = await link(timeoutMs);
    const blocked = open.blocked();
    if (blocked) throw new PublishError('BLOCKED', `the broker takes no messages now: ${blocked}`);
    try {
      await within(Math.max(end - clock.now(), 1), open.ping());
    } catch (error) {
      retire(open);
      throw new PublishError('BROKER_UNAVAILABLE', `the broker does not answer: ${describeError(error).message}`, {
        cause: error,
      });
    }
  }

  async function close(): Promise<void> {
    const last = current;
    current = undefined;
    // A broker that is just hanging up by itself may never answer.
    if (last) await within(CLOSE_WITHIN_MS, last.model.close()).catch(() => last.destroy());
  }

  return { link, probe, retire, uses: (link) => current === link, close };
}

/** The promise's outcome, or a rejection after `timeoutMs`: whoever shares an attempt still has a deadline of their own. */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Keeps a login out of an error's text. */
const withoutLogin = (text: string) => text.replace(/\/\/[^/@\s]*@/g, '//');
