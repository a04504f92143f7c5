import { isolate, noteSurvival, suspectsAmong } from '../crash-loop/isolate.ts';
import { decode, type Delivery, type RabbitMqEvent } from '../message/delivery.ts';
import type { Identify } from '../message/identify.ts';
import { toResult, validate, type ValidMessage, type Result } from '../message/message.ts';
import type { KeyOf } from '../message/ordering-key.ts';
import type { Rule } from '../message/rule.ts';
import { runInSettleSpan, withBatchTrace } from '../message/trace.ts';
import { inStoredOrder, oldestFirst, processInOrder } from '../ordering/in-order.ts';
import { closeBatch, openBatch, type Opening } from '../ordering/open-batch.ts';
import { warnOfSplitKeys } from '../ordering/shard-keys.ts';
import type { Batch } from './batch.ts';
import { dedupe, fromMemory, rememberDone, resultOfCopy } from './dedupe.ts';
import { publishOrPostpone } from './follow-ups.ts';
import { recordProgress } from './progress.ts';
import { BatchUnfinishedError, reportOf, type BatchReport } from './report.ts';
import { commitDecisions, runRules } from './run.ts';
import { claimInOrder, settle, settlePostponed } from './settle.ts';
import { recordTelemetry } from './telemetry.ts';

/**
 * Processes a batch until each message has an outcome. Throws `BatchUnfinishedError` if the whole batch has to be
 * redelivered.
 */
export async function runBatch(event: RabbitMqEvent, consumer: Consumer, batch: Batch): Promise<BatchReport> {
  // 1. Decode and identify each message.
  const decoded = decode(event, consumer.identify);
  const deliveries = consumer.orderBy ? oldestFirst(decoded) : decoded;
  return withBatchTrace(batch.tracing, batch.queue.name, deliveries, (trace) =>
    processDeliveries(deliveries, consumer, { ...batch, trace }),
  );
}

interface Consumer {
  readonly rules: readonly Rule[];
  readonly orderBy?: KeyOf;
  readonly identify?: Identify;
}

async function processDeliveries(
  deliveries: readonly Delivery[],
  consumer: Consumer,
  batch: Batch,
): Promise<BatchReport> {
  const { rules, orderBy } = consumer;
  const { clock, queue, memory } = batch;
  const startedAtMs = clock.now();

  // Validate each message that this process has not completed before.
  const validated = deliveries.map((delivery) => fromMemory(delivery, memory) ?? validate(delivery, rules, orderBy));

  // 2. Deduplicate. A consumer that keeps order per key first records the order of the batch in DynamoDB.
  const opening: Opening = orderBy ? await openBatch(validated, batch) : { messages: validated };
  const deduplicated = await dedupe(opening.messages, batch);
  const valid = deduplicated.filter((message) => message.is === 'valid');
  warnOfSplitKeys(valid, batch);
  const copies = deduplicated.filter((message) => message.is === 'copy');
  const withoutRule = deduplicated.flatMap((message) =>
    message.is === 'result' ? message : message.is === 'invalid' ? toResult(message, message.outcome) : [],
  );

  /**
   * Runs the business rules of `messages`, commits, publishes and settles. `results` are the results of other messages,
   * whose events are published and which are settled at the same time.
   */
  const processMessages = async (messages: readonly ValidMessage[], results: readonly Result[] = []) => {
    const runAndCommit = async (some: readonly ValidMessage[]) => {
      // 3. Run the business rules.
      const ran = await runRules(some, batch);

      // 4. Commit the decisions of the business rules.
      const committed = await commitDecisions(ran, batch);

      // With order per key, the inbox records a dead letter before the next message of the same key is processed.
      return orderBy ? claimInOrder(committed, batch) : committed;
    };
    // With order per key, steps 3 and 4 run for the first message of each key, then for the second one, and so on.
    const committed = await (orderBy ? processInOrder(messages, batch, runAndCommit) : runAndCommit(messages));

    // 5. Publish the follow-up events.
    const published = await publishOrPostpone([...results, ...committed], batch);

    // 6. Settle the failed messages.
    return settle(published, batch);
  };

  // Messages suspected of crashing the process are processed after all other messages.
  const suspects = new Set(suspectsAmong(valid, memory));
  const unsuspected = valid.filter((message) => !suspects.has(message));
  const deadLetters = withoutRule.filter(({ outcome }) => outcome.is === 'dead-letter');
  const others = withoutRule.filter(({ outcome }) => outcome.is !== 'dead-letter');
  const [processed, deadLettered] = await Promise.all([
    processMessages(unsuspected, others),
    // Messages that are dead-lettered without running a rule do not wait for the rules of other messages.
    settle(deadLetters, batch),
  ]);
  const isolated = await isolate([...suspects], batch, {
    inOrder: (messages) => inStoredOrder(messages, batch),
    process: processMessages,
    settle: (results) => settle(results, batch),
  });

  // 6. Settle the postponed messages. They are last because their copies are published only if the batch is not
  // redelivered.
  const results = await runInSettleSpan(batch.trace, async () => {
    const byDelivery = new Map<Delivery, Result>();
    for (const result of await settlePostponed([...processed, ...deadLettered, ...isolated], batch))
      byDelivery.set(result.delivery, result);
    for (const copy of copies) byDelivery.set(copy.delivery, resultOfCopy(copy, byDelivery.get(copy.of.delivery)!));
    const all = deliveries.map((delivery) => byDelivery.get(delivery)!);
    if (opening.opened) await closeBatch(all, opening.opened, batch);
    noteSurvival(all, memory);
    rememberDone(all, memory);
    await recordProgress(deliveries, batch);
    return all;
  });

  // 7. Report.
  const report = reportOf(queue, results);
  recordTelemetry(report, results, {
    startedAtMs,
    nowMs: clock.now(),
    settings: batch.logSettings,
    trace: batch.trace,
  });
  batch.trace?.finish(results);
  if (report.counts.unfinished > 0) throw new BatchUnfinishedError(report);
  return report;
}
