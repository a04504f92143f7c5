import type { ChannelModel, ConfirmChannel } from 'amqplib';

import type { Clock } from '../runtime/clock.ts';
import { describeError, PublishError } from '../runtime/errors.ts';
import { withoutLogins } from '../runtime/scrub.ts';
import { singleFlight } from '../runtime/single-flight.ts';
import { within } from '../runtime/timeout.ts';
import { gathering } from './gathering.ts';
import { isLoginRefused } from './admin/log-in.ts';
import { closeConnection, dropConnection, openConnection, socketOf } from './open-connection.ts';
import { requireRawChannel, useRawFrames } from './raw-frames.ts';

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

/** An attempt to open a connection may take this long, in ms, even where the first to ask for it waits for less. */
const MIN_ATTEMPT_MS = 2_000;

export function createConnection({ url, heartbeatSeconds, clock, name }: ConnectionOptions): Connection {
  let current: OpenLink | undefined;
  const opening = singleFlight<OpenLink>(clock);
  let timesClosed = 0;

  async function openLink(timeoutMs: number, refused = false): Promise<OpenLink> {
    const address = new URL(await url(refused));
    address.searchParams.set('heartbeat', String(heartbeatSeconds));
    let model: ChannelModel;
    try {
      model = await openConnection(address.href, {
        timeoutMs,
        writableHighWaterMark: SOCKET_BUFFER_BYTES,
        clientProperties: { connection_name: name },
      });
    } catch (error) {
      if (isLoginRefused(error) && !refused) return openLink(timeoutMs, true);
      throw error;
    }
    let blockedBecause: string | undefined;
    let lossCause: Error | undefined;
    const socket = socketOf(model);
    const destroy = () => dropConnection(model, 'connection dropped by its owner');
    const guard = setTimeout(destroy, timeoutMs);
    try {
      useRawFrames(model);
      const channel = await model.createConfirmChannel();
      requireRawChannel(channel);
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

  /** One that opens after its attempt was given up is used where there is no other, and dropped otherwise. */
  async function openAndKeep(timeoutMs: number): Promise<OpenLink> {
    const timesClosedBefore = timesClosed;
    const fresh = await openLink(timeoutMs);
    if (timesClosed !== timesClosedBefore) {
      fresh.destroy();
      throw new Error('the connection was closed while it opened');
    }
    const lost = fresh.lostBecause();
    if (lost) throw lost;
    if (current) fresh.destroy();
    else current = fresh;
    return current;
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
    const attemptMs = Math.max(timeoutMs, MIN_ATTEMPT_MS);
    try {
      return await within(
        timeoutMs,
        opening.run(() => openAndKeep(attemptMs), attemptMs),
      );
    } catch (error) {
      const { message } = describeError(error);
      throw new PublishError('BROKER_UNAVAILABLE', `the broker cannot be reached: ${withoutLogins(message)}`, {
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
    timesClosed += 1;
    if (last) await closeConnection(last.model);
  }

  return { link, probe, retire, uses: (link) => current === link, close };
}
