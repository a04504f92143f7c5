import type { Message } from '../events/message.ts';

/**
 * A header, a property or an address (exchange or routing key) of a message that AMQP cannot encode, and the reason.
 */
export interface UnwritablePart {
  readonly part: 'header' | 'property' | 'address';
  readonly name: string;
  readonly reason: string;
}

/**
 * Returns a copy of the message without the headers and properties in `parts`. The exchange and the routing key are
 * always kept.
 */
export function withoutParts<M extends Pick<Message, 'properties'>>(message: M, parts: readonly UnwritablePart[]): M {
  const named = (wanted: UnwritablePart['part']) =>
    new Set(parts.flatMap(({ part, name }) => (part === wanted ? [name] : [])));
  const [headers, properties] = [named('header'), named('property')];
  const keep = (all: object, left: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !left.has(name)));
  const kept = { ...keep(message.properties, properties), headers: keep(message.properties.headers, headers) };
  return { ...message, properties: kept };
}

const MAX_DESCRIPTION = 850;

/** Describes the parts of a message that AMQP cannot encode, with the reasons, in a text of at most 900 characters. */
export function describeParts(parts: readonly UnwritablePart[]): string {
  const texts = parts.map(({ part, name, reason }) =>
    part === 'header' ? `header ${JSON.stringify(name.slice(0, 60))} (${reason})` : `${name} (${reason})`,
  );
  const shown: string[] = [];
  let length = 0;
  for (const text of texts) {
    length += text.length + 2;
    if (length > MAX_DESCRIPTION) break;
    shown.push(text);
  }
  const more = texts.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
