// Shows what other libraries do with a batch of Amazon MQ for RabbitMQ: `npm run bench -- other-libraries`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import middy from '@middy/core';
import sqsPartialBatchFailure from '@middy/sqs-partial-batch-failure';
import * as z from 'zod';

import { emit } from '../../lib/inbox/decision.ts';
import { defineEvent } from '../../lib/events/define.ts';
import { workQueue } from '../../lib/rabbitmq/topology/define.ts';
import { testConsumer } from '../../lib/testing/test-consumer.ts';
import { anEvent, aRecord } from '../support/delivery.ts';

/** How a library treats a batch of two messages, one of which cannot be processed. */
interface Row {
  readonly library: string;
  readonly function: string;
  readonly valid: string;
  readonly failing: string;
}

const bench = join(process.cwd(), 'test', 'bench');
const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(join(bench, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version;

const event = () =>
  anEvent([aRecord({ id: 'valid', body: { id: 'valid' } }), aRecord({ id: 'failing', body: { id: 'failing' } })]);
const context = { getRemainingTimeInMillis: () => 60_000, functionName: 'stock' };

type Message = ReturnType<typeof event>['rmqMessagesByQueue'][string][number];
type Processed = string[];

async function processMessage({ data }: Pick<Message, 'data'>, processed: Processed): Promise<void> {
  const { id } = JSON.parse(Buffer.from(data, 'base64').toString()) as { id: string };
  if (id === 'failing') throw new Error('this message fails');
  processed.push(id);
}

const messagesOf = ({ rmqMessagesByQueue }: ReturnType<typeof event>) => Object.values(rmqMessagesByQueue).flat();

/**
 * Runs a handler as Lambda's event source does: all messages are acknowledged if the handler succeeds, and all return
 * to the queue if it fails.
 */
async function run(library: string, handler: (processed: Processed) => Promise<unknown>): Promise<Row> {
  const processed: Processed = [];
  let text: string;
  let isAcknowledged = true;
  try {
    text = `succeeds, returns \`${JSON.stringify(await handler(processed)) ?? 'undefined'}\``;
  } catch (error) {
    isAcknowledged = false;
    text = `throws \`${(error as Error).name}\``;
  }
  const fate = (id: string) => {
    const [was, then] = [
      processed.includes(id) ? 'processed' : 'not processed',
      isAcknowledged ? 'acknowledged' : 'returns',
    ];
    if (isAcknowledged) return was === 'processed' ? 'processed' : '**lost**';
    return was === 'processed' ? `${was}, ${then}, processed again` : `${was}, ${then} again and again`;
  };
  return { library, function: text, valid: fate('valid'), failing: fate('failing') };
}

const sent = defineEvent({ type: 'sent', version: 1, exchange: 'shop', schema: z.object({ id: z.string() }) });

async function surehop(): Promise<Row> {
  const consumer = testConsumer({
    queue: workQueue('stock'),
    event: sent,
    decide: ({ id }) => {
      if (id === 'failing') throw new Error('this message fails');
      return { effects: [] };
    },
  });
  const [valid, failing] = await consumer.receiveBatch([emit(sent, { id: 'valid' }), emit(sent, { id: 'failing' })]);
  return {
    library: 'Surehop',
    function: 'succeeds, returns a report',
    valid: valid!.outcome === 'completed' ? 'processed' : valid!.outcome,
    failing: `${failing!.settlement}, then retried alone`,
  };
}

const rows = [
  await run('no library: an error is thrown', async (processed) => {
    for (const message of messagesOf(event())) await processMessage(message, processed);
  }),
  await run('no library: errors are caught', async (processed) => {
    const failed: string[] = [];
    for (const message of messagesOf(event()))
      await processMessage(message, processed).catch(() => failed.push(String(message.basicProperties['messageId'])));
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  }),
  await run(`Powertools for AWS Lambda, batch ${versionOf('@aws-lambda-powertools/batch')}`, (processed) =>
    processPartialResponse(
      event() as never,
      (record: Message) => processMessage(record, processed),
      new BatchProcessor(EventType.SQS),
      { context: context as never },
    ),
  ),
  await run(
    `middy ${versionOf('@middy/core')}, sqs-partial-batch-failure ${versionOf('@middy/sqs-partial-batch-failure')}`,
    (processed) => {
      const handler = middy((given: ReturnType<typeof event>) =>
        Promise.allSettled(messagesOf(given).map((message) => processMessage(message, processed))),
      ).use(sqsPartialBatchFailure() as never) as unknown as (...given: readonly unknown[]) => Promise<unknown>;
      return handler(event(), context);
    },
  ),
  await surehop(),
];

const cells = [
  ['library', 'the function', 'the valid message', 'the failing message'],
  ...rows.map((row) => [row.library, row.function, row.valid, row.failing]),
];
const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
const [header, ...body] = cells.map(line);
const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
process.stdout.write(`${[header, rule, ...body].join('\n')}\n`);
