import { tryParseJson } from '../runtime/json.ts';
import { log } from '../runtime/log.ts';

/**
 * Parses a processing order of messages that was stored in DynamoDB as text. `text` is `undefined` if a DynamoDB item
 * with a part of the order no longer exists. If `text` is invalid or `undefined`, logs an error and returns
 * `otherwise`.
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
