import type { Socket } from 'node:net';

import { connect, credentials, type ChannelModel } from 'amqplib';

import { within } from '../runtime/timeout.ts';
import { loginOf, withLogin, type Login } from './address.ts';

const STEP_MS = 10_000;

/** How long the broker may take to close a connection, in ms. */
const CLOSE_WITHIN_MS = 2_000;

interface OpenOptions {
  readonly timeoutMs?: number;
  readonly writableHighWaterMark?: number;
  readonly clientProperties?: Readonly<Record<string, string>>;
}

export const socketOf = (connection: ChannelModel): Socket =>
  (connection as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;

/** Destroys the socket of a connection. Every pending operation on the connection is rejected with `reason`. */
export function dropConnection(connection: ChannelModel, reason: string): void {
  // Without an error, amqplib would not notice the closed socket.
  socketOf(connection).destroy(new Error(reason));
}

/**
 * Connects to the broker and logs in within `timeoutMs`. A connection that opens after this time is closed immediately.
 */
export async function openConnection(
  amqpUrl: string,
  { timeoutMs = STEP_MS, ...options }: OpenOptions = {},
): Promise<ChannelModel> {
  const { username, password } = loginOf(new URL(amqpUrl));
  const opening = connect(amqpUrl, {
    noDelay: true,
    timeout: timeoutMs,
    // amqplib would decode a percent-encoded login in the address as Latin-1 instead of UTF-8.
    credentials: credentials.plain(username, password),
    ...options,
  });
  let isLate = false;
  opening.then(
    (connection) => {
      connection.on('error', () => {});
      if (isLate) dropConnection(connection, 'the connection opened after its time limit');
    },
    () => {},
  );
  try {
    return await within(timeoutMs, opening);
  } catch (error) {
    isLate = true;
    throw error;
  }
}

/**
 * Opens a connection, runs `work` with the connection, and closes the connection. Throws an error if the broker sends
 * nothing for `stepMs` milliseconds.
 */
export async function withConnection<T>(
  amqpUrl: string,
  work: (connection: ChannelModel) => Promise<T>,
  stepMs = STEP_MS,
): Promise<T> {
  return useConnection(await openConnection(amqpUrl, { timeoutMs: stepMs }), work, stepMs);
}

/**
 * Runs `work` with an open connection and then closes the connection. Throws an error if the broker sends nothing for
 * `stepMs` milliseconds.
 */
export async function useConnection<T>(
  connection: ChannelModel,
  work: (connection: ChannelModel) => Promise<T>,
  stepMs = STEP_MS,
): Promise<T> {
  const socket = socketOf(connection);
  // amqplib's own timeout listener is meant only for the time until the login is complete.
  socket.removeAllListeners('timeout');
  let silence: Error | undefined;
  socket.setTimeout(stepMs, () => {
    silence = new Error(`the broker did not answer within ${stepMs} ms`);
    dropConnection(connection, silence.message);
  });
  try {
    return await work(connection);
  } catch (error) {
    throw silence ?? error;
  } finally {
    await closeConnection(connection);
  }
}

/** Closes a connection. If the broker does not answer, destroys the socket. */
export async function closeConnection(connection: ChannelModel): Promise<void> {
  try {
    await within(CLOSE_WITHIN_MS, connection.close());
  } catch {
    dropConnection(connection, 'the broker did not close the connection in time');
  }
}

/**
 * Returns whether the broker accepts the login. Throws an error if the broker does not answer or denies access to the
 * virtual host.
 */
export async function canLogIn(amqpUrl: string, login: Login, timeoutMs = STEP_MS): Promise<boolean> {
  try {
    await withConnection(
      withLogin(amqpUrl, login),
      async (connection) => (await connection.createChannel()).close(),
      timeoutMs,
    );
    return true;
  } catch (error) {
    if (isLoginRefused(error)) return false;
    throw error;
  }
}

/** Whether the broker refused the user name or the password. Another attempt with the same login then cannot help. */
export const isLoginRefused = (error: unknown): boolean =>
  error instanceof Error && /ACCESS[_-]REFUSED|\b403\b/.test(error.message);
