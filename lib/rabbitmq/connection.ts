import type { ChannelModel, ConfirmChannel } from 'amqplib';

import type { Clock } from '../runtime/clock.ts';
import { describeError, PublishError } from '../runtime/errors.ts';
import { withoutLogins } from '../runtime/scrub.ts';
import { singleFlight } from '../runtime/single-flight.ts';
import { within } from '../runtime/timeout.ts';
import { closeConnection, dropConnection, isLoginRefused, openConnection, socketOf } from './open-connection.ts';
import { requireRawChannel, useRawFrames } from './raw-frames.ts';

/** A connection to the broker with a single confirm channel. If either of them closes, both are replaced. */
export interface Link {
  readonly channel: ConfirmChannel;
  /**
   * Returns why the broker blocks publishing on this connection (a memory or disk alarm), or `undefined` if it does not
   * block publishing.
   */
  blocked(): string | undefined;
  /** Returns why the connection or the channel closed, or `undefined` while both are open. */
  lostBecause(): Error | undefined;
  /** Checks the connection by opening a second channel. Resolves when the broker has answered. */
  ping(): Promise<void>;
  /** Destroys the socket of the connection without waiting for the broker. */
  destroy(): void;
}

export interface ConnectionOptions {
  /**
   * Returns the AMQP URI of the broker, including the login. If `refused` is true, the broker refused the last login,
   * and the login is read again.
   */
  readonly url: (refused: boolean) => Promise<string>;
  readonly heartbeatSeconds: number;
  readonly clock: Clock;
  readonly name: string;
}

/**
 * The broker connection of a process. It is opened when first needed, and replaced after it closed or after Lambda
 * froze the process.
 */
export interface Connection {
  /** Returns the open connection, or opens a new one. Rejects with `BROKER_UNAVAILABLE` after `timeoutMs`. */
  link(timeoutMs: number): Promise<Link>;
  /**
   * Resolves if the broker answers and accepts messages. Otherwise rejects with a `PublishError` that gives the reason.
   */
  probe(timeoutMs: number): Promise<void>;
  /** Stops using the connection `link`, so that the next publish opens a new connection. */
  retire(link: Link): void;
  uses(link: Link): boolean;
  close(): Promise<void>;
}

const SOCKET_BUFFER_BYTES = 256 * 1_024;

interface OpenLink extends Link {
  readonly model: ChannelModel;
  lastHeardAtMs: number;
}

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
    const destroy = () => dropConnection(model, 'the connection was dropped because it is no longer used');
    const guard = setTimeout(destroy, timeoutMs);
    try {
      useRawFrames(model);
      const channel = await model.createConfirmChannel();
      requireRawChannel(channel);
      const link: OpenLink = {
        model,
        channel,
        destroy,
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
      // Without a listener for `error`, losing the connection would end the Node.js process.
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

  async function openAndKeep(timeoutMs: number): Promise<OpenLink> {
    const timesClosedBefore = timesClosed;
    const fresh = await openLink(timeoutMs);
    if (timesClosed !== timesClosedBefore) {
      fresh.destroy();
      throw new Error('the connection to the broker was closed while it was being opened');
    }
    const lost = fresh.lostBecause();
    if (lost) throw lost;
    if (current) fresh.destroy();
    else current = fresh;
    return current;
  }

  /** Whether Lambda froze the process for so long that the broker has closed the connection. */
  const wasFrozen = (link: OpenLink) => clock.now() - link.lastHeardAtMs > heartbeatSeconds * 1_500;

  function retire(link: Link): void {
    if (current === link) current = undefined;
  }

  async function link(timeoutMs: number): Promise<Link> {
    if (current && wasFrozen(current)) {
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
    if (blocked) throw new PublishError('BLOCKED', `the broker accepts no messages: ${blocked}`);
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
