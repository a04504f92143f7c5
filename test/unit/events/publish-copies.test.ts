import { beforeEach, expect, test } from '@jest/globals';

import { retryCopy } from '../../../lib/events/copies.ts';
import { headerNames } from '../../../lib/events/envelope.ts';
import type { Message } from '../../../lib/events/message.ts';
import { publishCopies } from '../../../lib/events/publish-copies.ts';
import type { Publisher } from '../../../lib/events/publish.ts';
import { describeParts } from '../../../lib/rabbitmq/unwritable.ts';
import { unwritableParts } from '../../../lib/rabbitmq/encode-message.ts';
import { PublishError } from '../../../lib/runtime/errors.ts';
import { openTelemetry } from '../../../lib/tracing/opentelemetry.ts';
import { recordSpans } from '../../support/recorded-spans.ts';

const spans = recordSpans();
let published: Message[];
beforeEach(() => void (published = []));

/** Like the real publisher, refuses messages that AMQP cannot encode. */
const publisher: Publisher = {
  publish: () =>
    Promise.reject(new Error('the test expects that copies are published with publishAll, but publish was called')),
  publishAll: (messages) =>
    Promise.resolve(
      messages.map((message) => {
        const parts = unwritableParts(message);
        if (parts.length > 0) return new PublishError('UNWRITABLE', describeParts(parts));
        published.push(message);
        return undefined;
      }),
    ),
  close: () => Promise.resolve(),
};

const copyWith = (headerBytes: number) =>
  retryCopy(
    { body: Buffer.from('{}'), properties: { messageId: 'm-1', headers: { large: 'x'.repeat(headerBytes) } } },
    'loans',
    'retry.1s',
    2,
  );

/** Returns the largest copy that fits into one AMQP frame. There is no space left for a tracing header. */
function largestCopy(): Message {
  let bytes = 131_072;
  while (unwritableParts(copyWith(bytes)).length > 0) bytes -= 1;
  return copyWith(bytes);
}

test('if a copy with its tracing header does not fit into an AMQP frame, the copy is published without the tracing header', async () => {
  const copy = largestCopy();
  const errors = await publishCopies({ publisher, tracing: openTelemetry() }, [{ copy: copyWith(10) }, { copy }]);
  expect(errors).toEqual([undefined, undefined]);
  expect(published.map(({ properties: { headers } }) => headerNames.previousSpan in headers)).toEqual([true, false]);
  expect(published[1]).toBe(copy);
  expect(spans().map(({ name, status: { code } }) => [name, code])).toEqual([
    ['send retry.1s', 0],
    ['send retry.1s', 0],
  ]);
});

test('publishing a copy of a message fails if the copy exceeds an AMQP frame even without its trace header, and the span is marked as failed', async () => {
  const [error] = await publishCopies({ publisher, tracing: openTelemetry() }, [{ copy: copyWith(131_072) }]);
  expect(error).toMatchObject({ code: 'UNWRITABLE' });
  expect(spans()).toMatchObject([{ attributes: { 'error.type': 'UNWRITABLE' } }]);
});
