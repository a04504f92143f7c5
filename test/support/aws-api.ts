import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Template } from '../../infra/aws/template.ts';

/**
 * Simulates the AWS APIs that a deployment calls before it changes anything. Calls of all other APIs fail with the
 * error AccessDenied.
 */
export interface AwsApi {
  readonly url: string;
  /** The AWS API actions that clients have requested so far, in order. */
  readonly actions: readonly string[];
  stop(): Promise<void>;
}

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const failure = (code: string, message: string) =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`;

/**
 * Starts an AWS simulator in which the stacks in `deployed` already exist. `deployed` contains the template of each
 * stack, by the name of the stack.
 */
export async function anAwsApi(deployed: Readonly<Record<string, Template>>): Promise<AwsApi> {
  const actions: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [status, body] = answer(request.url!, new URLSearchParams(Buffer.concat(chunks).toString()));
      response.writeHead(status, { 'content-type': body.startsWith('<') ? 'text/xml' : 'application/json' }).end(body);
    });
  });

  function answer(path: string, form: URLSearchParams): [number, string] {
    if (path.startsWith('/2016-08-19/account-settings')) {
      actions.push('GetAccountSettings');
      const limits = { ConcurrentExecutions: 1_000, UnreservedConcurrentExecutions: 1_000 };
      return [200, JSON.stringify({ AccountLimit: limits, AccountUsage: { FunctionCount: 0 } })];
    }
    const [action, stack] = [form.get('Action') ?? path, form.get('StackName') ?? ''];
    actions.push(action);
    const template = deployed[stack];
    if (action === 'GetTemplate' && template)
      return [
        200,
        `<GetTemplateResponse><GetTemplateResult><TemplateBody>${escape(JSON.stringify(template))}</TemplateBody></GetTemplateResult></GetTemplateResponse>`,
      ];
    if (action === 'GetTemplate' || action === 'DescribeStacks')
      return [400, failure('ValidationError', `Stack with id ${stack} does not exist`)];
    return [403, failure('AccessDenied', `this stand-in does not do ${action}`)];
  }

  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    actions,
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
