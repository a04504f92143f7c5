import { isUtf8 } from 'node:buffer';

import type { APIGatewayProxyEventV2 } from 'aws-lambda';

import { parseJson } from '../runtime/json.ts';
import { checkJson } from './check-json.ts';
import { Problem } from './problem.ts';

/**
 * Returns the bytes of the request body, or `undefined` if there is no body. Throws a `Problem` if the body has more
 * than `maxBytes` bytes.
 */
export function readBytes(
  { body, isBase64Encoded }: Pick<APIGatewayProxyEventV2, 'body' | 'isBase64Encoded'>,
  maxBytes: number,
): Buffer | undefined {
  if (!body) return undefined;
  // The client chooses the Content-Length header, so only the received bytes are counted.
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > maxBytes)
    throw new Problem('body-too-large', `The body has ${bytes.length} bytes; at most ${maxBytes} are allowed.`, {
      members: { maxBodyBytes: maxBytes },
    });
  return bytes;
}

/**
 * Parses the request body, or returns `undefined` if there is no body. Unless `isVerbatim` is set, converts all strings
 * in the body to Unicode normalization form C.
 */
export function readJson(
  bytes: Buffer | undefined,
  headers: Readonly<Record<string, string>>,
  isVerbatim = false,
): unknown {
  if (!bytes) return undefined;
  checkType(headers['content-type'], headers['content-encoding']);
  if (!isUtf8(bytes)) throw new Problem('malformed-json', 'The body is not valid UTF-8.');
  const text = bytes.toString();
  const json = parse(text);
  checkJson(text, isVerbatim ? Infinity : undefined);
  if (isVerbatim) return json;
  // ASCII without escapes is already normalized.
  return bytes.length === text.length && !text.includes('\\') ? json : normalized(json);
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    // The parser's error quotes the body, which must not be logged.
    throw new Problem('malformed-json', 'The body cannot be parsed as JSON.');
  }
}

/**
 * Converts all strings of a JSON value to Unicode normalization form C, because strings that look the same must be
 * equal.
 */
function normalized(value: unknown): unknown {
  if (typeof value === 'string') return value.normalize();
  if (Array.isArray(value)) return value.map(normalized);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, normalized(member)]));
}

function checkType(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (!isJson(contentType))
    throw new Problem(
      'unsupported-media-type',
      contentType
        ? 'Unsupported Content-Type: send application/json in UTF-8.'
        : 'Content-Type missing: send application/json.',
    );
  if (contentEncoding && contentEncoding.trim().toLowerCase() !== 'identity')
    throw new Problem('unsupported-media-type', 'Unsupported Content-Encoding: send the body uncompressed.');
}

function isJson(contentType = ''): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.map((parameter) => /^\s*charset="?([^"\s]+)"?\s*$/.exec(parameter)?.[1]).find(Boolean);
  return /^application\/([a-z0-9!#$&^_.+-]+\+)?json$/.test(type.trim()) && (charset ?? 'utf-8') === 'utf-8';
}
