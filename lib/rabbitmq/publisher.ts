import type { Message as ReturnedMessage } from 'amqplib';

import type { Clock } from '../runtime/clock.ts';
import { concurrently } from '../runtime/concurrently.ts';
import { describeError, PublishError } from '../runtime/errors.ts';
import type { Connection, Link } from './connection.ts';
import type { Message } from '../events/message.ts';
import type { Publisher } from '../events/publish.ts';
import { publishRaw, type RawProperties } from './raw-frames.ts';

/** Unconfirmed messages that `publishAll` has under way at most. */
const WINDOW = 256;

interface InFlight {
  readonly message: Message;
  returned?: string;
  /** Whether another message was under way on the link at any time beside this one. */
  hadCompany: boolean;
}

export function createPublisher(connection: Connection, clock: Clock, defaultDeadlineMs: number): Publisher {
  const tracked = new WeakMap<Link, Set<InFlight>>();
  /** The end of the last message that was sent on its own, for the next to wait for. */
  let aloneUntil: Promise<unknown> = Promise.resolve();

  /** What is in flight on `link`; set up with the link's first publish. */
  function flightsOf(link: Link): Set<InFlight> {
    const known = tracked.get(link);
    if (known) return known;
    const flights = new Set<InFlight>();
    tracked.set(link, flights);
    // An unroutable message is returned first and acknowledged afterwards: without this, it would pass for confirmed.
    link.channel.on('return', (returned) => {
      const flight = [...flights].find((candidate) => !candidate.returned && isSame(candidate.message, returned));
      if (flight) flight.returned = (returned.fields as { replyText?: string }).replyText ?? 'NO_ROUTE';
    });
    return flights;
  }

  /** One try on one link. */
  async function send(link: Link, message: Message, timeoutMs: number): Promise<void> {
    const blocked = link.blocked();
    if (blocked) throw new PublishError('BLOCKED', `the broker takes no messages now: ${blocked}`);
    const flights = flightsOf(link);
    const flight: InFlight = { message, hadCompany: flights.size > 0 };
    for (const other of flights) other.hadCompany = true;
    let timer: NodeJS.Timeout | undefined;
    flights.add(flight);
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => {
          // A dead connection is never waited for; a blocked one is alive.
          if (!link.blocked()) connection.retire(link);
          reject(new PublishError('UNCONFIRMED', `no confirm within ${timeoutMs} ms`, { indeterminate: true }));
        }, timeoutMs);
        publishRaw(link.channel, message, (error) => {
          if (flight.returned) reject(unroutable(message, flight.returned));
          else if (!error) resolve();
          else if (isNack(error)) reject(refused(message));
          else reject(lost(link.lostBecause() ?? error, message));
        });
        link.coalesceWrites();
      });
    } catch (error) {
      const failure = error instanceof PublishError ? error : lost(link.lostBecause() ?? error, message);
      if (failure.code !== 'UNCONFIRMED' || !isRefusal(failure.cause)) throw failure;
      // The broker closed the link for the content of a message: of this one, if it was the only one.
      throw new SuspectError(failure, !flight.hadCompany);
    } finally {
      clearTimeout(timer);
      flights.delete(flight);
      if (flights.size === 0 && !connection.uses(link)) link.destroy();
    }
  }

  async function publish(message: Message, deadlineMs = defaultDeadlineMs): Promise<void> {
    const end = clock.now() + deadlineMs;
    // Half of the time for one try leaves room for another on a fresh connection.
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

  /** Runs one task after another: of messages that go out alone, the one at fault is known. */
  function alone(task: () => Promise<void>): Promise<void> {
    const turn = aloneUntil.then(task);
    aloneUntil = turn.catch(() => {});
    return turn;
  }

  async function publishAll(messages: readonly Message[], deadlineMs?: number) {
    const answers = messages.map((): PublishError | undefined => undefined);
    await concurrently(messages, WINDOW, (message, index) =>
      publish(message, deadlineMs).catch((error: unknown) => void (answers[index] = error as PublishError)),
    );
    return answers;
  }

  return { publish, publishAll, close: () => connection.close() };
}

/** Between two tries, so that an absent broker is not hammered. */
const RECONNECT_PAUSE_MS = 50;

/** A message that was under way when the broker closed the link because of the content of one of them. */
class SuspectError extends Error {
  readonly failure: PublishError;
  /** Nothing else was under way, so this message is the one. */
  readonly wasAlone: boolean;

  constructor(failure: PublishError, wasAlone: boolean) {
    super(failure.message);
    this.failure = failure;
    this.wasAlone = wasAlone;
  }
}

/** A broker in trouble of its own may fail once. */
const REFUSALS_TO_BELIEVE = 2;

const refusedFor = ({ cause }: PublishError) =>
  new PublishError('UNWRITABLE', `the broker refuses the message: ${describeError(cause).message}`, { cause });

/** Replies of the broker that speak of the bytes of a message: a failed check, a broken frame, wrong syntax, an internal error. */
const REFUSALS: ReadonlySet<number | undefined> = new Set([406, 501, 502, 505, 541]);

const isRefusal = (cause: unknown) => cause instanceof Error && REFUSALS.has((cause as Error & { code?: number }).code);

const isRepairable = ({ code }: PublishError) => code === 'UNCONFIRMED' || code === 'BROKER_UNAVAILABLE';

/** Once any try may have reached the broker, the whole publish may have. */
const asFinal = (error: PublishError, indeterminate: boolean) =>
  indeterminate && !error.indeterminate
    ? new PublishError(error.code, error.message, { cause: error, indeterminate })
    : error;

const isSame = (message: Message, { fields, properties }: ReturnedMessage) =>
  (properties as unknown as RawProperties).messageId === message.properties.messageId &&
  fields.exchange === message.exchange &&
  fields.routingKey === message.routingKey;

const named = ({ exchange, routingKey }: Message) => `exchange "${exchange}", routing key "${routingKey}"`;

const unroutable = (message: Message, why: string) =>
  new PublishError('UNROUTABLE', `no queue takes ${named(message)} (${why})`);

/** A nack says that one queue refused: behind an exchange others may have taken the message. */
const refused = (message: Message) =>
  new PublishError('REFUSED', `a queue behind ${named(message)} is full`, { indeterminate: message.exchange !== '' });

const isNack = (error: unknown) => error instanceof Error && error.message === 'message nacked';

/** What the loss of the channel means for one message on it: its own fault where the broker names it, else unknown. */
function lost(cause: unknown, message: Message): PublishError {
  const text = describeError(cause).message;
  if (text.includes(`no exchange '${message.exchange}'`)) return unroutable(message, 'the exchange is missing');
  if (text.includes(`message size ${message.body.length} is larger`))
    return new PublishError('TOO_LARGE', `${message.body.length} bytes are more than the broker takes`, { cause });
  return new PublishError('UNCONFIRMED', `the connection was lost before the confirm: ${text}`, {
    cause,
    indeterminate: true,
  });
}
