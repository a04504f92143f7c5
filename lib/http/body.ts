import { isUtf8 } from 'node:buffer';

import type { APIGatewayProxyEventV2 } from 'aws-lambda';

import { parseJson } from '../runtime/json.ts';
import { checkJson } from './check-json.ts';
import { Problem } from './problem.ts';

/** The body's bytes as they were sent; `undefined` where none was. Throws the problem of a body past `maxBytes`. */
export function readBytes(
  { body, isBase64Encoded }: Pick<APIGatewayProxyEventV2, 'body' | 'isBase64Encoded'>,
  maxBytes: number,
): Buffer | undefined {
  if (!body) return undefined;
  // What the header Content-Length says is the client's word; only the bytes count.
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > maxBytes)
    throw new Problem('body-too-large', `The body has ${bytes.length} bytes; ${maxBytes} are taken at most.`, {
      members: { maxBodyBytes: maxBytes },
    });
  return bytes;
}

/** The JSON of a body, its texts in Unicode's form NFC; `undefined` where there is none. */
export function readJson(bytes: Buffer | undefined, headers: Readonly<Record<string, string>>): unknown {
  if (!bytes) return undefined;
  checkType(headers['content-type'], headers['content-encoding']);
  if (!isUtf8(bytes)) throw new Problem('malformed-json', 'The body is not valid UTF-8.');
  const text = bytes.toString();
  const json = parse(text);
  checkJson(text);
  // What is written in one way only need not be normalised.
  return bytes.length === text.length && !text.includes('\\') ? json : normalised(json);
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    // Without its cause, which quotes the body.
    throw new Problem('malformed-json', 'The body cannot be read as JSON.');
  }
}

/** So that what looks the same is the same. Its depth is bounded by now. */
function normalised(value: unknown): unknown {
  if (typeof value === 'string') return value.normalize();
  if (Array.isArray(value)) return value.map(normalised);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, normalised(member)]));
}

function checkType(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (!isJson(contentType))
    throw new Problem(
      'unsupported-media-type',
      contentType
        ? 'The body came with another Content-Type; send it as application/json in UTF-8.'
        : 'The body came without a Content-Type; send it as application/json.',
    );
  if (contentEncoding && contentEncoding.trim().toLowerCase() !== 'identity')
    throw new Problem('unsupported-media-type', 'The body came with a Content-Encoding; send it as it is.');
}

function isJson(contentType = ''): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.map((parameter) => /^\s*charset="?([^"\s]+)"?\s*$/.exec(parameter)?.[1]).find(Boolean);
  return /^application\/([a-z0-9!#$&^_.+-]+\+)?json$/.test(type.trim()) && (charset ?? 'utf-8') === 'utf-8';
}
