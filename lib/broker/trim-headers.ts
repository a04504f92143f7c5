import type { HeaderValue, Message } from './message.ts';

/** Of one header, in bytes of JSON: our own are far below. */
const LARGEST_HEADER_BYTES = 2_000;
/** Of all foreign headers together. */
const ALL_HEADERS_BYTES = 32_000;

/** The header that names, as a list, which headers a copy had to leave behind. */
const LEFT_BEHIND = 'surehop-headers-left-behind';

/**
 * The message without its largest headers. The client encodes 64 KiB of them, other publishers send up to a whole frame:
 * a message that failed would otherwise have nowhere to go, and return its batch for ever.
 */
export function trimHeaders(message: Message): Message {
  const kept: Record<string, HeaderValue> = {};
  const left: string[] = [];
  let bytes = 0;
  const bySize = Object.entries(message.properties.headers)
    .map(([name, value]) => ({ name, value, size: Buffer.byteLength(JSON.stringify([name, value])) }))
    .toSorted((one, other) => one.size - other.size);
  for (const { name, value, size } of bySize) {
    bytes += size;
    if (size <= LARGEST_HEADER_BYTES && bytes <= ALL_HEADERS_BYTES) kept[name] = value;
    else left.push(name.slice(0, 100));
  }
  kept[LEFT_BEHIND] = left.slice(0, 50);
  return { ...message, properties: { ...message.properties, headers: kept } };
}
