import { isUtf8 } from 'node:buffer';

/**
 * Parses JSON, and ignores a byte-order mark before the JSON, as RFC 8259 allows
 * (https://www.rfc-editor.org/rfc/rfc8259#section-8.1).
 */
export const parseJson = (text: string): unknown => JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);

/** Parses JSON. Returns `undefined` if the text is not JSON. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON value, or the reason why bytes are not JSON. */
export type ParsedJson = { readonly value: unknown } | { readonly fault: string };

/**
 * Parses bytes as JSON in UTF-8. The error text for invalid JSON starts with `name`, for example `the body is not
 * JSON`.
 */
export function readJson(bytes: Buffer, name: string): ParsedJson {
  if (!isUtf8(bytes)) return { fault: `${name} is not UTF-8` };
  try {
    return { value: parseJson(bytes.toString()) };
  } catch {
    return { fault: `${name} is not JSON` };
  }
}
