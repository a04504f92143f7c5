import { isUtf8 } from 'node:buffer';

import type { DeadLetter, ArchivedMessage } from './dead-letter.ts';
import { plainOf } from '../events/json-form.ts';

/** A body is shown as text too up to this size: an answer has a limit of 6 MB. */
const MAX_TEXT_BYTES = 1_000_000;

/** A dead letter as a list shows it: without its message. */
export const present = ({ history, ...deadLetter }: DeadLetter): object => ({
  ...deadLetter,
  redrivenAt: history.findLast(({ is }) => is === 'redriven')?.at,
  discardReason: discardReasonOf({ history }),
});

/** A dead letter with everything that is known of it. */
export const presentWhole = (deadLetter: DeadLetter, { body, properties }: ArchivedMessage): object => ({
  ...present(deadLetter),
  history: deadLetter.history,
  properties: { ...properties, headers: undefined },
  headers: Object.fromEntries(Object.entries(properties.headers).map(([name, value]) => [name, plainOf(value)])),
  body: {
    base64: body.toString('base64'),
    text: body.length <= MAX_TEXT_BYTES && isUtf8(body) ? body.toString() : undefined,
  },
});

function discardReasonOf({ history }: Pick<DeadLetter, 'history'>): string | undefined {
  const last = history.at(-1);
  return last?.is === 'discarded' ? last.reason : undefined;
}
