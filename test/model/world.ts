import { exchanges } from '../../infra/topology.ts';
import type { Message, Properties } from '../../lib/broker/message.ts';
import type { Publisher } from '../../lib/broker/publisher.ts';
import { readConfig } from '../../lib/config.ts';
import { consumer, type ConsumerDefinition, type ConsumerParts } from '../../lib/consume/consumer.ts';
import { PublishError, StoreUnavailableError } from '../../lib/errors.ts';
import type { Inbox } from '../../lib/inbox/inbox.ts';
import type { MessageId } from '../../lib/message-id.ts';
import type { Books } from '../faults/invariants.ts';
import { aRecord, anEvent } from '../support/delivery.ts';
import { booksOf } from './books.ts';
import type { Choose } from './explore.ts';
import { emptyStore, modelInbox } from './model-inbox.ts';
import type { ModelMessage } from './model-message.ts';

/** A message as the broker holds it. */
interface Copy {
  readonly id: MessageId;
  readonly body: Buffer;
  readonly type: string;
  readonly headers: Properties['headers'];
  /** How often it was handed out before. */
  deliveries: number;
}

export interface ModelOptions {
  readonly messages: readonly ModelMessage[];
  readonly definition: ConsumerDefinition<any>;
  /** Faults that may happen in one run, each anywhere. */
  readonly faults: number;
  /** How often the dead-letter exchange takes nothing, so that the whole batch comes again. */
  readonly refusals?: number;
  /** Which message must be done before which, by their ids. */
  readonly order?: readonly (readonly MessageId[])[];
}

const MOST_STEPS = 60;
const config = readConfig({ LOG_LEVEL: 'ERROR', BATCH_CONCURRENCY: '1', MESSAGE_TIME_LIMIT_MS: '1000' });

/**
 * One run of the real consumer against a broker and a store of the model: whoever chooses decides which messages come
 * together, when retries come back, and where the process is gone or an answer is lost. Returns the books once it is quiet.
 */
export async function runModel(
  { messages, definition, faults, refusals = 0, order = [] }: ModelOptions,
  choose: Choose,
): Promise<Books> {
  const store = emptyStore();
  const queue: Copy[] = messages.flatMap((message) =>
    Array.from({ length: message.copies ?? 1 }, () => copyOf(message)),
  );
  const tiers: Copy[] = [];
  const letters = new Map<string, MessageId>();
  const emitted = new Set<string>();
  const killers = new Set(messages.filter(({ isKiller }) => isKiller).map(({ id }) => id));
  const placed = new Map<string, number>();
  let left = faults;
  let refused = 0;

  function take(message: Message): void {
    const { headers, messageId, type = '' } = message.properties;
    const copy = `${messageId} in ${message.exchange}`;
    // An event that follows goes out again with each redelivery, under the same id; it is not placed.
    if (message.exchange !== exchanges.orders) placed.set(copy, (placed.get(copy) ?? 0) + 1);
    if (message.exchange.startsWith('retry.'))
      tiers.push({ id: messageId as MessageId, body: message.body, type, headers, deliveries: 0 });
    else if (message.exchange === definition.queue.deadLetterExchange)
      letters.set(headers['surehop-dead-letter-id'] as string, messageId as MessageId);
    else emitted.add(messageId!);
  }

  /** The process that works now. Once it is gone, nothing that it waits for ever comes, and nothing that it does happens. */
  const nobody = { crash: () => {} };
  let alive = nobody;
  const gone = () => {
    alive.crash();
    return new Promise<never>(() => {});
  };

  /** One call to store or broker, with what may go wrong around it. `fail` is what an answer that was lost looks like. */
  async function call<T>(process: object, run: () => Promise<T>, fail: () => T | Promise<T>): Promise<T> {
    if (process !== alive) return new Promise<never>(() => {});
    const fate = left > 0 ? choose(5) : 0;
    if (fate > 0) left -= 1;
    if (fate === 1) return gone();
    if (fate === 2) return fail();
    const result = await run();
    if (fate === 3) return gone();
    return fate === 4 ? fail() : result;
  }

  const away = async (): Promise<never> => {
    throw new StoreUnavailableError();
  };
  const real = modelInbox(store);
  const inboxOf = (process: object) =>
    Object.fromEntries(
      Object.entries(real).map(([name, method]) => [
        name,
        (...args: unknown[]) =>
          call(
            process,
            () => (method as (...all: unknown[]) => Promise<unknown>)(...args),
            name === 'commit' ? () => unknown(args) : away,
          ),
      ]),
    ) as unknown as Inbox;
  const publisherOf = (process: object): Publisher => ({
    publish: async () => {},
    publishAll: (sent) =>
      call<(PublishError | undefined)[]>(
        process,
        async () => {
          return sent.map((message) => {
            if (message.exchange === definition.queue.deadLetterExchange && refused++ < refusals)
              return new PublishError('UNROUTABLE', 'no queue takes it');
            take(message);
            return undefined;
          });
        },
        () => sent.map(() => new PublishError('UNCONFIRMED', 'no answer', { indeterminate: true })),
      ),
    close: async () => {},
  });
  const decide = 'decide' in definition ? definition.decide : undefined;
  const killing = {
    ...definition,
    ...(decide && {
      decide: (event: unknown, context: Parameters<typeof decide>[1]) =>
        killers.has(context.id) ? gone() : decide(event, context),
    }),
  } as typeof definition;
  const partsOf = (process: object): ConsumerParts => ({
    inbox: inboxOf(process),
    publisher: publisherOf(process),
    archiveLetter: () => Promise.reject(new Error('no message of the model is too large for the broker')),
    clock: { now: () => Date.now() },
    config,
    read: async () => undefined,
  });
  /** A process and its consumer, which remembers from batch to batch. */
  function newWorker(): { readonly process: typeof nobody; readonly handler: ReturnType<typeof consumer> } {
    const process = { crash: () => {} };
    return { process, handler: consumer(killing, partsOf(process)) };
  }

  let worker = newWorker();
  let isWhole = false;
  for (let steps = 0; queue.length + tiers.length > 0; steps += 1) {
    if (steps > MOST_STEPS)
      throw new Error(`it does not end: ${queue.length} in the queue, ${tiers.length} in the tiers`);
    const ways: number = isWhole ? 1 : (queue.length > 0 ? Math.min(queue.length, 2) : 0) + (tiers.length > 0 ? 1 : 0);
    const way = ways > 1 ? choose(ways) : 0;
    if (queue.length === 0 || way === Math.min(queue.length, 2)) {
      queue.push(tiers.shift()!);
      continue;
    }
    // All that is there, or the first alone.
    const batch = queue.splice(0, way === 0 ? queue.length : 1);
    const records = batch.map(({ id, body, type, headers, deliveries }) =>
      aRecord({
        id,
        type,
        raw: body,
        redelivered: deliveries > 0,
        headers: { ...headers, 'x-acquired-count': deliveries },
      }),
    );
    alive = worker.process;
    const crashed = new Promise<'crashed'>((resolve) => (worker.process.crash = () => resolve('crashed')));
    const ended = worker
      .handler(anEvent(records, definition.queue.name), { getRemainingTimeInMillis: () => 60_000 })
      .then(
        () => 'returned' as const,
        () => 'thrown' as const,
      );
    const how: 'returned' | 'thrown' | 'crashed' = await Promise.race([ended, crashed]);
    alive = nobody;
    if (how === 'crashed') worker = newWorker();
    // An acknowledgement can be lost as anything else.
    const isLost = how === 'returned' && left > 0 && choose(2) === 1;
    if (isLost) left -= 1;
    if (how === 'returned' && !isLost) {
      isWhole = false;
      continue;
    }
    for (const copy of batch) copy.deliveries += 1;
    // What went back comes in the order in which it did, before what is new; the event source may have fetched that meanwhile.
    // Where nobody could note that the batch was begun, they come together.
    const returned = queue.findLastIndex(({ deliveries }) => deliveries > 0) + 1;
    const fetched = queue.length > returned && choose(2) === 1;
    queue.splice(fetched ? queue.length : returned, 0, ...batch);
    isWhole = definition.orderBy !== undefined && how === 'crashed' && store.inFlight.length === 0;
  }
  // Without a fault of the process or an answer, no message is placed twice however often its neighbour cannot be placed.
  const multiplied = faults > 0 ? [] : [...placed].filter(([, copies]) => copies > 1).map(([copy]) => copy);
  const books = booksOf({ messages, store, letters, emitted, order, queueName: definition.queue.name });
  return { ...books, unexpected: [...books.unexpected, ...multiplied] };
}

/** Committed or not: nobody heard. */
const unknown = ([, entries]: unknown[]) =>
  (entries as unknown[]).map(() => ({ is: 'unfinished', error: new StoreUnavailableError() }));

const copyOf = ({ id, type, body }: ModelMessage): Copy => ({
  id,
  type,
  body: Buffer.from(JSON.stringify(body)),
  headers: {},
  deliveries: 0,
});
