import { Problem } from './problem.ts';

/** As API Gateway has it (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html). */
const MAX_HEADERS_BYTES = 10_240;
const MAX_HEADERS = 100;

/** Throws the problem of headers that are larger than any request needs. */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const all = Object.entries(headers);
  const bytes = all.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (bytes > MAX_HEADERS_BYTES || all.length > MAX_HEADERS)
    throw new Problem('headers-too-large', `${MAX_HEADERS} headers of ${MAX_HEADERS_BYTES} bytes are taken at most.`);
}
