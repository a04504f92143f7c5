import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { customResource, type CustomResourceEvent } from '../../../lib/aws/custom-resource.ts';
import { anInvocation } from '../../support/delivery.ts';

/**
 * The server to which the custom resources send their responses in these tests. In AWS, the responses go to a presigned
 * S3 URL.
 */
let server: Server;
let statuses: number[];
let answers: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[];

beforeEach(async () => {
  [statuses, answers] = [[], []];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      answers.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      response.writeHead(statuses.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const anEvent = (change: Partial<CustomResourceEvent> = {}): CustomResourceEvent => ({
  RequestType: 'Create',
  ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer?Signature=a%2Bb%3D&Expires=1`,
  StackId: 'arn:aws:cloudformation:eu-central-1:000000000000:stack/surehop/1',
  RequestId: 'r-1',
  LogicalResourceId: 'Topology',
  ResourceProperties: { ServiceToken: 'arn' },
  ...change,
});

const answered = () => JSON.parse(answers.at(-1)!.body) as Record<string, string>;

describe('a custom resource', () => {
  test('a custom resource sends the response to exactly the presigned URL that CloudFormation gave, without a Content-Type header', async () => {
    await customResource('broker-topology', { apply: async () => {} })(anEvent(), anInvocation());
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({ method: 'PUT', url: '/answer?Signature=a%2Bb%3D&Expires=1' });
    expect(answers[0]!.headers['content-type'] ?? '').toBe('');
    expect(Number(answers[0]!.headers['content-length'])).toBe(Buffer.byteLength(answers[0]!.body));
    expect(answered()).toEqual({
      Status: 'SUCCESS',
      PhysicalResourceId: 'broker-topology',
      StackId: 'arn:aws:cloudformation:eu-central-1:000000000000:stack/surehop/1',
      RequestId: 'r-1',
      LogicalResourceId: 'Topology',
    });
  });

  test('when CloudFormation updates a custom resource, the custom resource gets the new and the previous properties', async () => {
    let seen: unknown;
    const handler = customResource('id', {
      apply: async ({ properties, previous }) => void (seen = { properties, previous }),
    });
    await handler(
      anEvent({ RequestType: 'Update', ResourceProperties: { a: '2' }, OldResourceProperties: { a: '1' } }),
      anInvocation(),
    );
    expect(seen).toEqual({ properties: { a: '2' }, previous: { a: '1' } });
  });

  test('the failure that a custom resource reports to CloudFormation contains the reason, but no passwords', async () => {
    const handler = customResource('id', {
      apply: async () => {
        throw new Error('cannot reach amqps://administrator:hunter2@broker.example:5671/');
      },
    });
    await handler(anEvent(), anInvocation());
    expect(answered()).toMatchObject({
      Status: 'FAILED',
      PhysicalResourceId: 'id',
      Reason: 'cannot reach amqps://broker.example:5671/',
    });
  });

  test.each([3_000, 1_200])(
    'a custom resource shortens a long failure reason (%d repetitions of a text) to the length that CloudFormation accepts',
    async (letters) => {
      const handler = customResource('id', {
        apply: async () => {
          throw new Error('"ü→'.repeat(letters));
        },
      });
      await handler(anEvent(), anInvocation());
      expect(Buffer.byteLength(answers[0]!.body)).toBeLessThanOrEqual(4_096);
      expect(answered()).toMatchObject({ Status: 'FAILED', Reason: expect.stringMatching(/^"ü→.*…$/) });
    },
  );

  test('shortly before the function of a custom resource times out, the custom resource aborts its work and reports a failure', async () => {
    let stopped = false;
    const handler = customResource('id', {
      apply({ signal }) {
        signal.addEventListener('abort', () => (stopped = true));
        return new Promise(() => {});
      },
    });
    const invocation = anInvocation(10_300);
    await handler(anEvent(), invocation);
    expect(invocation.getRemainingTimeInMillis()).toBeGreaterThan(0);
    expect(answered()).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringContaining('not finished before the function timed out'),
    });
    expect(stopped).toBe(true);
  });

  test('a custom resource sends its response again if CloudFormation does not accept it', async () => {
    statuses = [503, 500];
    await customResource('id', { apply: async () => {} })(anEvent(), anInvocation());
    expect(answers).toHaveLength(3);
    expect(answered()).toMatchObject({ Status: 'SUCCESS' });
  });

  test('the invocation of a custom resource fails if CloudFormation accepts no response, so that Lambda retries the invocation', async () => {
    statuses = [503, 503, 503];
    await expect(customResource('id', { apply: async () => {} })(anEvent(), anInvocation())).rejects.toThrow(
      /the response URL of CloudFormation returned the status 503/,
    );
  });

  test('deleting a custom resource that has no removal step reports success and does not call the function "apply"', async () => {
    let ran = false;
    const handler = customResource('id', { apply: async () => void (ran = true) });
    await handler(anEvent({ RequestType: 'Delete', PhysicalResourceId: 'id' }), anInvocation());
    expect(ran).toBe(false);
    expect(answered()).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'id' });
  });

  test('deleting a custom resource runs its removal step and reports the physical id that the resource got when it was created', async () => {
    let removed: unknown;
    const handler = customResource(({ name }) => String(name), {
      apply: async () => {},
      remove: async ({ properties }) => void (removed = properties['name']),
    });
    await handler(anEvent({ ResourceProperties: { name: 'one' } }), anInvocation());
    expect(answered()).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'one' });
    expect(removed).toBeUndefined();
    await handler(
      anEvent({ RequestType: 'Delete', PhysicalResourceId: 'made-as-this', ResourceProperties: { name: 'two' } }),
      anInvocation(),
    );
    expect([removed, answered()]).toMatchObject(['two', { Status: 'SUCCESS', PhysicalResourceId: 'made-as-this' }]);
  });

  test('if the removal of a custom resource takes longer than one Lambda invocation, the invocation fails without a response to CloudFormation', async () => {
    const handler = customResource('id', { apply: async () => {}, remove: () => new Promise(() => {}) });
    const event = anEvent({ RequestType: 'Delete', PhysicalResourceId: 'id' });
    await expect(handler(event, anInvocation(10_200))).rejects.toThrow(/not finished before the function timed out/);
    expect(answers).toEqual([]);
  });

  test('a custom resource reports a failed removal to CloudFormation as a failure', async () => {
    const remove = async () => {
      throw new Error('not allowed');
    };
    const handler = customResource('id', { apply: async () => {}, remove });
    await handler(anEvent({ RequestType: 'Delete', PhysicalResourceId: 'id' }), anInvocation());
    expect(answered()).toMatchObject({ Status: 'FAILED', Reason: 'not allowed' });
  });
});
