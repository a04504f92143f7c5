import { tryParseJson } from '../runtime/json.ts';
import { log } from '../runtime/log.ts';

/**
 * Parses the stored processing order of messages. If the text is invalid, or is `undefined` because a DynamoDB item
 * with a part of it no longer exists, logs an error and returns `otherwise`.
 */
export function parseOrder<T>(
  item: string,
  text: string | undefined,
  isOrder: (value: unknown) => value is T,
  otherwise: T,
): T {
  const order = text === undefined ? undefined : tryParseJson(text);
  if (isOrder(order)) return order;
  const cause =
    text === undefined ? 'a DynamoDB item with a part of the order no longer exists' : 'the text is invalid';
  log().error('the stored processing order of some messages was lost', {
    item,
    error: { message: `${cause}: messages may be processed in another order` },
  });
  return otherwise;
}

export const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
