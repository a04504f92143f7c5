import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { topologyProperties } from '../../../infra/aws/service/operations.ts';
import type { CustomResourceEvent } from '../../../lib/aws/custom-resource.ts';
import { anInvocation } from '../../support/delivery.ts';
import { aSilentBackend, type SilentBackend } from '../../support/silent-backend.ts';

let silentBackend: SilentBackend;
let silent: SilentBackend['silent'];

beforeAll(async () => {
  silentBackend = await aSilentBackend(`whsec_${Buffer.alloc(32, 1).toString('base64')}`);
  ({ silent } = silentBackend);
});
afterEach(() => silentBackend.answerAgain());
afterAll(() => silentBackend?.remove());

describe('apply-topology', () => {
  const apply = async ({ unanswered = 1 } = {}) => {
    const { handler } = await import('../../../functions/operations/apply-topology.ts');
    const answers: string[] = [];
    const server = createHttpServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        // By default, the first response to CloudFormation gets no answer either, so that the function must send it again.
        if (answers.push(body) > unanswered) response.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const event: CustomResourceEvent = {
      RequestType: 'Create',
      ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      StackId: 'stack',
      RequestId: 'r-1',
      LogicalResourceId: 'T',
      ResourceProperties: { ...topologyProperties, Roles: '[]' },
    };
    try {
      await handler(event, anInvocation(30_000));
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(answers).toHaveLength(unanswered + 1);
    return JSON.parse(answers[unanswered]!) as { Status: string; Reason?: string };
  };

  test('the function apply-topology succeeds even if one of its requests to Secrets Manager and one of its requests to CloudFormation get no response', async () => {
    silent.secrets.swallow();
    expect(await apply()).toMatchObject({ Status: 'SUCCESS' });
  }, 120_000);

  test('if the management API does not answer, the function apply-topology reports a failure to CloudFormation, and its next invocation succeeds', async () => {
    silent.management.swallow();
    expect(await apply()).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('/api/') });
    expect(await apply({ unanswered: 0 })).toMatchObject({ Status: 'SUCCESS' });
  }, 120_000);
});
