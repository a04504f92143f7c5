import type { Message as ReturnedMessage } from 'amqplib';

import type { Clock } from '../runtime/clock.ts';
import { concurrently } from '../runtime/concurrently.ts';
import { describeError, PublishError } from '../runtime/errors.ts';
import { collect } from '../runtime/metrics.ts';
import type { Connection, Link } from './connection.ts';
import { headerNames } from '../events/envelope.ts';
import type { Message } from '../events/message.ts';
import type { Publisher } from '../events/publish.ts';
import { encodedHeader } from './header-table.ts';
import { publishRaw, type RawProperties } from './raw-frames.ts';

const WINDOW = 256;

/** A message whose confirm has not arrived yet. */
interface Unconfirmed {
  readonly message: Message;
  returned?: string;
  wasConcurrent: boolean;
}

export function createPublisher(connection: Connection, clock: Clock, defaultDeadlineMs: number): Publisher {
  const unconfirmedByLink = new WeakMap<Link, Set<Unconfirmed>>();
  let aloneUntil: Promise<unknown> = Promise.resolve();

  function unconfirmedOf(link: Link): Set<Unconfirmed> {
    const known = unconfirmedByLink.get(link);
    if (known) return known;
    const unconfirmed = new Set<Unconfirmed>();
    unconfirmedByLink.set(link, unconfirmed);
    // The broker returns an unroutable message and then confirms it. Without this listener, the message would count as
    // published.
    link.channel.on('return', (returned) => {
      const found = [...unconfirmed].find((one) => !one.returned && isSame(one.message, returned));
      if (found) found.returned = (returned.fields as { replyText?: string }).replyText ?? 'NO_ROUTE';
    });
    return unconfirmed;
  }

  async function send(link: Link, message: Message, timeoutMs: number): Promise<void> {
    const blocked = link.blocked();
    if (blocked) throw new PublishError('BLOCKED', `the broker accepts no messages: ${blocked}`);
    const unconfirmed = unconfirmedOf(link);
    const own: Unconfirmed = { message, wasConcurrent: unconfirmed.size > 0 };
    for (const other of unconfirmed) other.wasConcurrent = true;
    let timer: NodeJS.Timeout | undefined;
    unconfirmed.add(own);
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => {
          // A connection on which the broker does not answer is replaced, unless the broker only blocks publishing.
          if (!link.blocked()) connection.retire(link);
          reject(
            new PublishError('UNCONFIRMED', `the broker sent no confirm within ${timeoutMs} ms`, {
              indeterminate: true,
            }),
          );
        }, timeoutMs);
        publishRaw(link.channel, message, (error) => {
          if (own.returned) reject(unroutable(message, own.returned));
          else if (!error) resolve();
          else if (isNack(error)) reject(refused(message));
          else reject(lost(link.lostBecause() ?? error, message));
        });
      });
    } catch (error) {
      const failure = error instanceof PublishError ? error : lost(link.lostBecause() ?? error, message);
      if (failure.code !== 'UNCONFIRMED' || !isRefusal(failure.cause)) throw failure;
      // The broker closed the channel because of a message. If no other message was unconfirmed, it was this message.
      throw new SuspectError(failure, !own.wasConcurrent);
    } finally {
      clearTimeout(timer);
      unconfirmed.delete(own);
      if (unconfirmed.size === 0 && !connection.uses(link)) link.destroy();
    }
  }

  async function publish(message: Message, deadlineMs = defaultDeadlineMs): Promise<void> {
    if (deadlineMs <= 0) throw new PublishError('UNCONFIRMED', 'no time was left to publish the message');
    const startedAtMs = clock.now();
    const end = startedAtMs + deadlineMs;
    // An attempt may take half of the time, so that another attempt on a new connection is possible.
    const tryMs = Math.ceil(deadlineMs / 2);
    let indeterminate = false;
    const attempt = async () => {
      const link = await connection.link(Math.min(tryMs, Math.max(end - clock.now(), 1)));
      await send(link, message, Math.min(tryMs, Math.max(end - clock.now(), 1)));
    };
    let isSuspect = false;
    let refusals = 0;
    for (;;) {
      try {
        await (isSuspect ? alone(attempt) : attempt());
        collect('PublishDuration', clock.now() - startedAtMs);
        return;
      } catch (thrown) {
        const error = thrown instanceof SuspectError ? thrown.failure : thrown;
        if (thrown instanceof SuspectError) {
          isSuspect = true;
          if (thrown.wasAlone) refusals += 1;
          if (refusals >= REFUSALS_TO_BELIEVE) throw refusedFor(thrown.failure);
        }
        const failure = error instanceof PublishError ? error : lost(error, message);
        indeterminate ||= failure.indeterminate;
        const leftMs = end - clock.now();
        if (!isRepairable(failure) || leftMs <= RECONNECT_PAUSE_MS) throw asFinal(failure, indeterminate);
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS));
      }
    }
  }

  /** Publishes messages one at a time, to find out which message makes the broker close the channel. */
  function alone(task: () => Promise<void>): Promise<void> {
    const turn = aloneUntil.then(task);
    aloneUntil = turn.catch(() => {});
    return turn;
  }

  async function publishAll(messages: readonly Message[], deadlineMs = () => defaultDeadlineMs) {
    const answers = messages.map((): PublishError | undefined => undefined);
    await concurrently(messages, WINDOW, (message, index) =>
      publish(message, deadlineMs()).catch((error: unknown) => void (answers[index] = error as PublishError)),
    );
    return answers;
  }

  return { publish, publishAll, close: () => connection.close() };
}

const RECONNECT_PAUSE_MS = 50;

/**
 * Thrown for each message that was still unconfirmed when the broker closed the channel, whichever message was the
 * cause.
 */
class SuspectError extends Error {
  readonly failure: PublishError;
  readonly wasAlone: boolean;

  constructor(failure: PublishError, wasAlone: boolean) {
    super(failure.message);
    this.failure = failure;
    this.wasAlone = wasAlone;
  }
}

/**
 * How many times a message must make the broker close the channel before the message counts as refused by the broker.
 */
const REFUSALS_TO_BELIEVE = 2;

const refusedFor = ({ cause }: PublishError) =>
  new PublishError('UNWRITABLE', `the broker refuses the message: ${describeError(cause).message}`, { cause });

/** The AMQP reply codes with which the broker closes a channel or connection because of a message. */
const REFUSALS: ReadonlySet<number | undefined> = new Set([406, 501, 502, 505, 541]);

const isRefusal = (cause: unknown) => cause instanceof Error && REFUSALS.has((cause as Error & { code?: number }).code);

const isRepairable = ({ code }: PublishError) => code === 'UNCONFIRMED' || code === 'BROKER_UNAVAILABLE';

const asFinal = (error: PublishError, indeterminate: boolean) =>
  indeterminate && !error.indeterminate
    ? new PublishError(error.code, error.message, { cause: error, indeterminate })
    : error;

function isSame({ exchange, routingKey, properties: own }: Message, { fields, properties }: ReturnedMessage): boolean {
  const { messageId, bytes } = properties as unknown as RawProperties;
  return (
    messageId === own.messageId &&
    fields.exchange === exchange &&
    fields.routingKey === routingKey &&
    [headerNames.identifiedId, headerNames.deadLetterId].every((name) => {
      const value = own.headers[name];
      return typeof value !== 'string' || bytes.includes(encodedHeader(name, value));
    })
  );
}

const named = ({ exchange, routingKey }: Message) => `exchange "${exchange}", routing key "${routingKey}"`;

const unroutable = (message: Message, reason: string) =>
  new PublishError('UNROUTABLE', `no queue receives messages for ${named(message)} (${reason})`);

/**
 * Creates the error for a message that the broker answered with a nack. If the message was published to a named
 * exchange, another queue may nevertheless have stored it.
 */
const refused = (message: Message) =>
  new PublishError('REFUSED', `a queue behind ${named(message)} is full`, { indeterminate: message.exchange !== '' });

const isNack = (error: unknown) => error instanceof Error && error.message === 'message nacked';

/** Creates the error for a message that was unconfirmed when the channel was closed. */
function lost(cause: unknown, message: Message): PublishError {
  const text = describeError(cause).message;
  if (text.includes(`no exchange '${message.exchange}'`)) return unroutable(message, 'the exchange is missing');
  if (text.includes(`message size ${message.body.length} is larger`))
    return new PublishError('TOO_LARGE', `a body of ${message.body.length} bytes is larger than the broker accepts`, {
      cause,
    });
  return new PublishError('UNCONFIRMED', `the connection was lost before the confirm: ${text}`, {
    cause,
    indeterminate: true,
  });
}
