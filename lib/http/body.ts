import { isUtf8 } from 'node:buffer';

import type { APIGatewayProxyEventV2 } from 'aws-lambda';

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

/** The JSON of a body; `undefined` where there is none. */
export function readJson(bytes: Buffer | undefined, contentType: string | undefined): unknown {
  if (!bytes) return undefined;
  if (!isJson(contentType))
    throw new Problem(
      'unsupported-media-type',
      contentType
        ? `The body came as ${contentType}; send it as application/json in UTF-8.`
        : 'The body came without a Content-Type; send it as application/json.',
    );
  if (!isUtf8(bytes)) throw new Problem('malformed-json', 'The body is not valid UTF-8.');
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new Problem('malformed-json', 'The body cannot be read as JSON.', { cause: error });
  }
}

function isJson(contentType = ''): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.map((parameter) => /^\s*charset="?([^"\s]+)"?\s*$/.exec(parameter)?.[1]).find(Boolean);
  return /^application\/([a-z0-9!#$&^_.+-]+\+)?json$/.test(type.trim()) && (charset ?? 'utf-8') === 'utf-8';
}
