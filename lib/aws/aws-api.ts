import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';

import type { Environment } from '../runtime/settings.ts';
import { withTimeout } from '../runtime/timeout.ts';

/**
 * Thrown when AWS answers a request with an error or does not answer. `code` is AWS's error code, for example
 * `ResourceNotFoundException`.
 */
export class AwsApiError extends Error {
  override readonly name = 'AwsApiError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface AwsAccess {
  readonly region: string;
  readonly credentials: ConstructorParameters<typeof SignatureV4>[0]['credentials'];
  /**
   * The environment variables. `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL` replace the endpoint URL of an AWS
   * service.
   */
  readonly environment: Environment;
}

/** Returns the region and the credentials of the role with which Lambda runs a function. */
export function accessIn(environment: Environment): AwsAccess {
  const {
    AWS_REGION: region = '',
    AWS_ACCESS_KEY_ID: accessKeyId = '',
    AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
    AWS_SESSION_TOKEN: sessionToken,
  } = environment;
  return { region, credentials: { accessKeyId, secretAccessKey, sessionToken }, environment };
}

export interface AwsRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 10_000;

/** Sends one signed request to an AWS service and returns the text of the response. */
export async function awsRequest(
  { region, credentials, environment }: AwsAccess,
  service: string,
  { method, path, query = {}, headers = {}, body, signal }: AwsRequest,
): Promise<string> {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const endpoint = new URL(
    environment[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ??
      environment['AWS_ENDPOINT_URL'] ??
      `https://${service}.${region}.${suffix}`,
  );
  // An AWS SDK client would add megabytes to the bundle.
  const signer = new SignatureV4({ service, region, credentials, sha256: Hash.bind(undefined, 'sha256') });
  const signed = await signer.sign({
    method,
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    path,
    query: { ...query },
    headers: { ...headers, host: endpoint.host },
    body,
  });
  const search = new URLSearchParams(query).toString();
  const what = `${method} ${endpoint.host}${path}`;
  let response: Response;
  let text: string;
  try {
    const { host: _, ...sent } = signed.headers;
    [response, text] = await withTimeout(TIMEOUT_MS, signal, async (limited) => {
      const answer = await fetch(`${endpoint.origin}${path}${search && `?${search}`}`, {
        method,
        headers: sent,
        body,
        signal: limited,
      });
      return [answer, await answer.text()] as const;
    });
  } catch (cause) {
    throw new AwsApiError('NoAnswer', `${what}: ${reasonOf(cause)}`, { cause });
  }
  if (response.ok) return text;
  const code =
    response.headers.get('x-amzn-errortype')?.split(':')[0] ??
    /<Code>([^<]+)</.exec(text)?.[1] ??
    /"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"/.exec(text)?.[1] ??
    String(response.status);
  const said = /<Message>([^<]*)</.exec(text)?.[1] ?? /"[Mm]essage"\s*:\s*"([^"]*)"/.exec(text)?.[1];
  throw new AwsApiError(code, `${what} answered ${code}${said ? `: ${said}` : ''}`);
}

function reasonOf(thrown: unknown): string {
  const { message, cause } = thrown as { message: string; cause?: { message?: string; code?: string } };
  return cause?.message || cause?.code || message;
}

/** Sends one request to the EC2 API. This API takes form parameters and returns XML. */
export const ec2Request = (
  access: AwsAccess,
  action: string,
  parameters: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string> =>
  awsRequest(access, 'ec2', {
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new URLSearchParams({ Action: action, Version: '2016-11-15', ...parameters }).toString(),
    signal,
  });

/** Returns the text of each XML element called `name` in a response from AWS. The elements must contain only text. */
export const textsOf = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) => text!);
