import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import type { ExecutionEnvironment, InvocationResult } from './environment.ts';
import { eventJson, maxPayloadBytes, recordJson as recordJsonOf } from './event.ts';
import type { EventOrigin } from './event.ts';
import { createIntake } from './intake.ts';
import type { Log } from './log.ts';
import { acknowledge, settle } from './settle.ts';
import type { Delivery, OnError } from './settle.ts';
import type { ReceivedMessage } from './session.ts';
import { subscribe } from './subscription.ts';

/** The settings of an event source mapping. The mapping delivers the messages of a queue to a function in batches. */
export interface MappingSettings extends EventOrigin {
  url: string;
  functionKey: string;
  batchSize: number;
  batchingWindowMs: number;
  onError: OnError;
  /** The emulated Lambda execution environments of the function, each of which processes one batch at a time. */
  environments: readonly ExecutionEnvironment[];
  log: Log;
  /**
   * Called after each invocation with one line of JSON, which reports the outcome and the duration of the invocation.
   */
  onReport(line: string): void;
}

/** A running event source mapping. */
export interface RunningMapping {
  /**
   * Stops consuming the queue, waits until the current batches are processed, and requeues all other received messages.
   */
  stop(): Promise<void>;
}

const firstRetryDelayMs = 100;
const maxRetryDelayMs = 5_000;

/**
 * Starts an event source mapping. The messages of a batch are acknowledged if the function succeeds, and requeued if
 * the function fails. After consecutive failures, the delay before the next invocation grows from 0.1 s to 5 s.
 */
export function startMapping(settings: MappingSettings): RunningMapping {
  const { queue, batchSize, batchingWindowMs, environments, log } = settings;
  const stopping = new AbortController();
  const maxBytes = maxPayloadBytes - Buffer.byteLength(eventJson(settings, []));
  // Each environment has its own channel, and the messages of its batch are the oldest unsettled messages of this channel.
  const intakes = environments.map(() => createIntake<Delivery>({ batchSize, batchingWindowMs, maxBytes }));

  function receive(message: ReceivedMessage, channel: Channel, consumer: number): void {
    const recordJson = recordJsonOf(message);
    const bytes = Buffer.byteLength(recordJson);
    if (bytes > maxBytes) {
      log.warning(
        `Message ${message.properties.messageId ?? 'without an id'} of queue "${queue}" needs a record of ${bytes} bytes, ` +
          `more than the 6 MB of an invocation, and is dropped as on AWS. The message is LOST; reject large bodies when publishing.`,
      );
      acknowledge({ message, channel });
      return;
    }
    const commaBytes = 1;
    intakes[consumer]!.add({ message, channel, recordJson, bytes: bytes + commaBytes });
  }

  // When a session is lost, the broker redelivers its unsettled messages, so the intakes drop them.
  const subscription = subscribe(
    { ...settings, consumers: environments.length, prefetch: batchSize, onMessage: receive },
    log,
    () => intakes.forEach((intake) => intake.clear()),
  );

  async function invokeBatches(environment: ExecutionEnvironment, index: number): Promise<void> {
    const intake = intakes[index]!;
    let retryDelayMs = firstRetryDelayMs;
    for (let batch = await intake.next(); batch; batch = await intake.next()) {
      const startedAtMs = performance.now();
      const result = await environment.invoke(
        eventJson(
          settings,
          batch.map(({ recordJson }) => recordJson),
        ),
      );
      report(index, batch.length, performance.now() - startedAtMs, result);
      settle(batch, result.outcome === 'success' ? 'acknowledge' : settings.onError);
      if (result.outcome === 'success') {
        warnAboutItemFailures(result.resultJson);
        retryDelayMs = firstRetryDelayMs;
      } else {
        await sleep(retryDelayMs, undefined, { signal: stopping.signal }).catch(() => {});
        retryDelayMs = Math.min(retryDelayMs * 2, maxRetryDelayMs);
      }
    }
  }

  function report(index: number, records: number, durationMs: number, result: InvocationResult): void {
    const { outcome } = result;
    const line = {
      level: 'INFO',
      message: 'REPORT',
      function: settings.functionKey,
      queue,
      ...(environments.length > 1 && { environment: `${index + 1} of ${environments.length}` }),
      records,
      durationMs: Math.round(durationMs),
      outcome,
      ...(result.outcome === 'success' ? {} : { error: { message: result.error } }),
    };
    settings.onReport(JSON.stringify(line));
  }

  function warnAboutItemFailures(resultJson: string): void {
    const failures: unknown = (JSON.parse(resultJson) as { batchItemFailures?: unknown } | null)?.batchItemFailures;
    if (!Array.isArray(failures) || failures.length === 0) return;
    log.warning(
      `Function "${settings.functionKey}" returned batchItemFailures for ${failures.length} message(s) of queue "${queue}". ` +
        `Amazon MQ IGNORES batchItemFailures: the whole batch was acknowledged and those messages are LOST. ` +
        `Publish failed messages to another queue before returning, or throw to return the whole batch.`,
    );
  }

  const finished = Promise.all(environments.map(invokeBatches));
  return {
    async stop() {
      stopping.abort();
      await subscription.cancel();
      const unprocessed = intakes.map((intake) => intake.close());
      await finished;
      for (const deliveries of unprocessed) settle(deliveries, 'nack');
      await subscription.close();
      await Promise.all(environments.map((environment) => environment.stop()));
    },
  };
}
