import {
  MAX_LIST_BYTES,
  readFailedAttempts,
  writeFailedAttempts,
  type FailedAttempt,
} from '../events/failed-attempts.ts';
import type { Attributes } from '../dynamodb/item.ts';
import { shortText } from '../runtime/short-text.ts';

/** Facts about a message that its inbox marker stores for operators only. A fact is absent if it is not known. */
export interface MessageFacts {
  readonly type?: string;
  readonly correlationId?: string;
  /** When the message was published (ISO 8601). */
  readonly publishedAt?: string;
  /** When the consumer received the batch with the message (ISO 8601). */
  readonly startedAt?: string;
  readonly traceId?: string;
  /**
   * How many times an operator redrove the message before the attempt that the inbox marker describes. Absent if the
   * message was never redriven.
   */
  readonly redrives?: number;
  /** The number of the attempt that the inbox marker describes. Absent for the first attempt. */
  readonly attempt?: number;
  /** The failed attempts since the message was published or redriven, oldest first. */
  readonly failedAttempts?: readonly FailedAttempt[];
}

const texts = ['type', 'correlationId', 'publishedAt', 'startedAt', 'traceId'] as const;
const numbers = ['redrives', 'attempt'] as const;

/** The maximum length of a text that an inbox marker stores for operators. Longer texts are cut off. */
const MAX_TEXT_LENGTH = 255;

/** Returns the DynamoDB attributes of an inbox marker that contain information for operators. */
export function factsToAttributes(facts: MessageFacts = {}): Attributes {
  const attributes: Attributes = {};
  for (const name of texts) if (facts[name]) attributes[name] = { S: shortText(facts[name], MAX_TEXT_LENGTH) };
  for (const name of numbers) if (facts[name]) attributes[name] = { N: String(facts[name]) };
  if (facts.failedAttempts?.length) attributes['failedAttempts'] = { S: writeFailedAttempts(facts.failedAttempts) };
  return attributes;
}

export function attributesToFacts(item: Attributes, isDone: boolean): MessageFacts | undefined {
  const facts: Record<string, unknown> = {};
  for (const name of texts) if (item[name]?.S) facts[name] = item[name].S;
  // In the inbox marker of a failed message, `redrives` and `attempt` identify the failed attempt for the consumer.
  if (isDone) for (const name of numbers) if (item[name]?.N) facts[name] = Number(item[name].N);
  const failedAttempts = item['failedAttempts']?.S;
  if (failedAttempts) facts['failedAttempts'] = readFailedAttempts(failedAttempts);
  return Object.keys(facts).length > 0 ? facts : undefined;
}

const FIXED_BYTES = 160;
const MAX_BYTES_PER_CHARACTER = 3;

/** Returns the maximum size, in bytes, of the attributes of an inbox marker that contain information for operators. */
export const bytesOfFacts = ({ type = '', correlationId = '', failedAttempts }: MessageFacts = {}): number =>
  FIXED_BYTES +
  MAX_BYTES_PER_CHARACTER * (Math.min(type.length, MAX_TEXT_LENGTH) + Math.min(correlationId.length, MAX_TEXT_LENGTH)) +
  (failedAttempts?.length ? MAX_LIST_BYTES : 0);
