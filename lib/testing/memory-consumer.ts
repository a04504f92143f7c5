import { createConsumer, type ConsumerDefinition } from '../consumer/consumer.ts';
import { decode, type Delivery } from '../message/delivery.ts';
import { BatchUnfinishedError, type BatchReport } from '../consumer/report.ts';
import type { Message } from '../events/message.ts';
import { formatDuration } from '../runtime/duration.ts';
import { isKnownCode, textOf } from '../runtime/error-codes.ts';
import { show } from './describe.ts';
import { eventOf, type QueuedCopy } from './event.ts';
import { gatedDependencies, INVOCATION_MS, memorySettings, START_MS, type Gate } from './gated-dependencies.ts';
import { describeCall, describeResult, History } from './history.ts';
import { createMemoryBroker, idOf } from './memory-broker.ts';
import { emptyStore, type MemoryStore } from './memory-store.ts';
import { Received, type Fate, type PublishedEvent } from './received.ts';
import { aroundRules, CrashedError, recorded } from './rules.ts';

export interface DeliveryOptions {
  readonly runsOutOfTime?: 'rule' | 'invocation';
}

export interface MemoryConsumer {
  readonly store: MemoryStore;
  readonly history: History;
  readonly nowMs: () => number;
  deliver(batch: readonly QueuedCopy[], options?: DeliveryOptions): Promise<Received[]>;
  copyOf(message: Received): QueuedCopy;
  takeDelayed(id: string): QueuedCopy[];
  points(): number;
  crashedAfter(): string | undefined;
}

const SHORT_LIMIT = '5ms';

interface Process {
  readonly handler: ReturnType<typeof createConsumer>;
  isGone: boolean;
}

/**
 * Creates a consumer with an in-memory store and broker and a simulated clock. The consumer's process crashes after the
 * step number `crashAfter`, or never if `crashAfter` is 0.
 */
export function createMemoryConsumer(definition: ConsumerDefinition<any>, crashAfter = 0): MemoryConsumer {
  const { queue } = definition;
  const settings = memorySettings({});
  const store = emptyStore();
  const broker = createMemoryBroker(queue);
  const history = new History();
  let nowMs = START_MS;
  const clock = { now: () => nowMs };
  let points = 0;
  let crashedAfter: string | undefined;
  const copies = new WeakMap<Received, QueuedCopy>();

  function newProcess(isSlow = false): Process {
    let lastStep = '';
    const begin = (step: string) => {
      if (process.isGone) throw new CrashedError();
      lastStep = step;
      history.step(step);
    };
    const end = () => {
      points += 1;
      if (points !== crashAfter) return;
      process.isGone = true;
      crashedAfter = lastStep;
      throw new CrashedError();
    };
    const gate: Gate = async (call, run) => {
      begin(describeCall(call, queue));
      const earlier = store.commits.length;
      const result = await run();
      history.detail(...describeResult(call, result, store, earlier));
      end();
      return result;
    };
    const watched = aroundRules(
      isSlow ? { ...definition, timeLimit: SHORT_LIMIT } : definition,
      (run, { context: { id, attempt } }) => {
        begin(`run the rule for ${id} (attempt ${attempt})`);
        const decision = recorded(run, history);
        const isAsync = 'then' in Object(decision);
        if (isSlow) {
          history.detail('the rule takes longer than its time limit');
          Promise.resolve(decision).catch(() => {});
          return new Promise<never>(() => {});
        }
        if (isAsync) return (decision as Promise<any>).then((decided) => (end(), decided));
        end();
        return decision;
      },
    );
    const take = (message: Message) => broker.take(message, nowMs);
    const process: Process = {
      handler: createConsumer(watched, gatedDependencies({ store, clock, settings, take }, gate)),
      isGone: false,
    };
    return process;
  }
  let current = newProcess();

  async function invoke(
    batch: readonly QueuedCopy[],
    { runsOutOfTime }: DeliveryOptions,
  ): Promise<{ report: BatchReport; isReturned: boolean } | undefined> {
    const process = runsOutOfTime === 'rule' ? newProcess(true) : current;
    const endsAtMs = runsOutOfTime === 'invocation' ? nowMs : nowMs + INVOCATION_MS;
    const context = { getRemainingTimeInMillis: () => endsAtMs - nowMs };
    try {
      const report = await process.handler(eventOf(batch, queue), context);
      return process.isGone ? undefined : { report, isReturned: false };
    } catch (error) {
      if (process.isGone) return undefined;
      if (error instanceof BatchUnfinishedError) return { report: error.report, isReturned: true };
      throw error;
    }
  }

  async function deliver(batch: readonly QueuedCopy[], options: DeliveryOptions = {}): Promise<Received[]> {
    const [commitsBefore, eventsBefore] = [store.commits.length, broker.events.length];
    const deliveries = decode(eventOf(batch, queue), definition.identify);
    const names = deliveries.map(nameOf).join(', ');
    let hasCrashed = false;
    let commitsOfDelivery = commitsBefore;
    let ended: Awaited<ReturnType<typeof invoke>>;
    for (;;) {
      const again = batch.some((copy) => copy.deliveries > 0) ? ' again' : '';
      history.step(`deliver ${names}${again}`);
      commitsOfDelivery = store.commits.length;
      ended = await invoke(batch, hasCrashed ? {} : options);
      for (const copy of batch) copy.deliveries += 1;
      if (ended !== undefined) break;
      hasCrashed = true;
      history.step('the process crashes');
      current = newProcess();
    }
    const { report, isReturned } = ended;
    const fates = fatesOf(deliveries, report, new Set(store.commits.slice(commitsOfDelivery).map(({ id }) => id)));
    return Promise.all(
      deliveries.map(async (delivery, index) => {
        const fate = hasCrashed ? recordedFate(delivery, fates[index]!) : fates[index]!;
        if (hasCrashed && fate.reason === 'LEASED') return untilUnleased(nameOf(delivery), batch[index]!);
        const ofMessage = store.commits.slice(commitsBefore).filter(({ id }) => id === delivery.id);
        const received = new Received(
          {
            ...fate,
            id: nameOf(delivery),
            attempt: delivery.envelope.attempt,
            effects: ofMessage.flatMap(({ effects }) => effects),
            events: eventsOf(delivery, eventsBefore),
            settlement: isReturned ? 'returned' : settlementOf(fate, delivery),
          },
          () => history.lines,
        );
        copies.set(received, batch[index]!);
        return received;
      }),
    );
  }

  async function untilUnleased(id: string, copy: QueuedCopy): Promise<Received> {
    const waiting = takeDelayed(id);
    const [received] = await deliver([waiting[0] ?? copy]);
    return received!.reason === 'LEASED' ? untilUnleased(id, waiting[0] ?? copy) : received!;
  }

  function takeDelayed(id: string) {
    const waiting = broker.delayed.filter((copy) => copy.id === id);
    for (const copy of waiting) broker.delayed.splice(broker.delayed.indexOf(copy), 1);
    nowMs = Math.max(nowMs, ...waiting.map(({ dueMs }) => dueMs));
    return waiting;
  }

  function recordedFate(delivery: Delivery, fate: Ended): Ended {
    const marker = delivery.id && store.markers.get(delivery.id);
    if (fate.outcome !== 'duplicate' || !marker || marker.state === 'leased') return fate;
    if ('events' in marker) return { outcome: marker.state, reason: marker.reason };
    const outcome = marker.state === 'retrying' ? 'retry' : 'dead-letter';
    return { outcome, reason: marker.code, error: marker.message };
  }

  function settlementOf({ outcome }: Ended, { id }: Delivery): Fate['settlement'] {
    switch (outcome) {
      case 'completed':
      case 'rejected':
      case 'duplicate':
        return 'acknowledged';
      case 'retry':
      case 'postponed': {
        const delayed = broker.delayed.findLast((copy) => copy.id === id);
        return `delayed by ${formatDuration(delayed!.delayMs)}`;
      }
      case 'dead-letter':
        return 'dead-lettered';
      case 'unfinished':
        return 'returned';
    }
  }

  function eventsOf({ id }: Delivery, eventsBefore: number): PublishedEvent[] {
    const marker = id && store.markers.get(id);
    if (!marker || !('events' in marker)) return [];
    const published = new Set(broker.events.slice(eventsBefore).map(idOf));
    return marker.events
      .filter((event) => published.has(event.id))
      .map(({ id: eventId, type, version, data }) => ({ id: eventId, type, version, data }));
  }

  function copyOf(message: Received): QueuedCopy {
    const copy = copies.get(message);
    if (copy === undefined)
      throw new Error(
        `this consumer has not received the message ${show(message)}: pass a message that a method of this consumer, such as "receive", returned`,
      );
    return copy;
  }

  return {
    store,
    history,
    nowMs: () => nowMs,
    deliver,
    copyOf,
    takeDelayed,
    points: () => points,
    crashedAfter: () => crashedAfter,
  };
}

type Ended = Pick<Fate, 'outcome' | 'reason'> & { readonly error?: string };

const nameOf = ({ id }: Delivery): string => id ?? '(a message without an id)';

function fatesOf(deliveries: readonly Delivery[], report: BatchReport, committed: Set<string>): Ended[] {
  const left = [...report.notCompleted];
  return deliveries.map(({ id }): Ended => {
    const index = left.findIndex((one) => one.id === (id ?? null));
    if (index < 0) return { outcome: id !== undefined && committed.delete(id) ? 'completed' : 'duplicate' };
    const [{ outcome, code, message }] = left.splice(index, 1) as [(typeof left)[0]];
    return { outcome, reason: code, error: message || (isKnownCode(code) ? textOf(code) : undefined) };
  });
}
