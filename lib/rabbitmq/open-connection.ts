import type { Socket } from 'node:net';

import { connect, credentials, type ChannelModel } from 'amqplib';

import { within } from '../runtime/timeout.ts';
import { loginOf } from './address.ts';

/** How long the broker may take to answer one step of a short connection, in ms. */
const STEP_MS = 10_000;

/** How long the broker may take to close a connection, in ms. */
const CLOSE_WITHIN_MS = 2_000;

interface OpenOptions {
  readonly timeoutMs?: number;
  readonly writableHighWaterMark?: number;
  readonly clientProperties?: Readonly<Record<string, string>>;
}

/** The socket below an amqplib connection, which its types do not show. */
export const socketOf = (connection: ChannelModel): Socket =>
  (connection as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;

/** Drops the connection at once; whatever waits for the broker on it is rejected with `reason`. */
export function dropConnection(connection: ChannelModel, reason: string): void {
  // Without an error, amqplib would not notice.
  socketOf(connection).destroy(new Error(reason));
}

/** Connects and logs in within `timeoutMs`. A connection that opens later is closed. */
export async function openConnection(
  amqpUrl: string,
  { timeoutMs = STEP_MS, ...options }: OpenOptions = {},
): Promise<ChannelModel> {
  const { username, password } = loginOf(new URL(amqpUrl));
  const opening = connect(amqpUrl, {
    noDelay: true,
    timeout: timeoutMs,
    // amqplib reads percent-encoded bytes of an address as Latin-1.
    credentials: credentials.plain(username, password),
    ...options,
  });
  let isLate = false;
  opening.then(
    (connection) => {
      connection.on('error', () => {});
      if (isLate) dropConnection(connection, 'opened too late');
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

/** Does `work` on a connection of its own. A broker that stays silent for `stepMs` is an error. */
export async function withConnection<T>(
  amqpUrl: string,
  work: (connection: ChannelModel) => Promise<T>,
  stepMs = STEP_MS,
): Promise<T> {
  return useConnection(await openConnection(amqpUrl, { timeoutMs: stepMs }), work, stepMs);
}

/** The same with a connection that is open; it is closed afterwards. */
export async function useConnection<T>(
  connection: ChannelModel,
  work: (connection: ChannelModel) => Promise<T>,
  stepMs = STEP_MS,
): Promise<T> {
  const socket = socketOf(connection);
  // amqplib's own listener is for the time before the login.
  socket.removeAllListeners('timeout');
  let silence: Error | undefined;
  socket.setTimeout(stepMs, () => {
    silence = new Error(`no answer from the broker within ${stepMs} ms`);
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

/** Closes the connection, and drops it where the broker does not answer. */
export async function closeConnection(connection: ChannelModel): Promise<void> {
  try {
    await within(CLOSE_WITHIN_MS, connection.close());
  } catch {
    dropConnection(connection, 'the broker does not close it');
  }
}
