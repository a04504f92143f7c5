import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Call } from './recording-proxy.ts';

interface NetworkInterface {
  readonly id: string;
  readonly description: string;
  readonly group: string;
}

interface SimulatedAlarm {
  readonly name: string;
  readonly state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
  readonly topic: string;
}

/** Simulates the parts of Lambda and EC2 that the removal of a stack uses, and the alarms of CloudWatch. */
export interface AwsNetwork {
  readonly url: string;
  readonly interfaces: readonly NetworkInterface[];
  readonly calls: readonly Call[];
  readonly alarms: SimulatedAlarm[];
  /** Adds to the simulated AWS account an event source mapping with one network interface in each of two subnets. */
  addMapping(id: string, group: string): void;
  /**
   * Adds to the simulated AWS account the two network interfaces that all Lambda functions with the security group
   * `group` share.
   */
  addFunctions(name: string, group: string): void;
  /**
   * Starts to delete the functions. As on AWS, their network interfaces disappear later: the simulated EC2 API still
   * lists them in the next few responses.
   */
  deleteFunctions(name: string): void;
  /**
   * Simulates that the functions' IAM role is deleted too early: Lambda can then no longer delete the functions'
   * network interfaces.
   */
  deleteRole(): void;
  /** Makes the simulated AWS answer the next `times` requests with the given HTTP status and AWS error code. */
  failNext(times: number, status: number, code: string): void;
  stop(): Promise<void>;
}

/** The number of responses in which the simulated EC2 API still lists the network interfaces of a deleted resource. */
const LOOKS_UNTIL_GONE = 3;

export async function anAwsNetwork(): Promise<AwsNetwork> {
  const mappings = new Map<string, 'Enabled' | 'Deleting'>();
  const dying = new Map<string, number>();
  const calls: Call[] = [];
  const alarms: SimulatedAlarm[] = [];
  const failures: { status: number; code: string }[] = [];
  let interfaces: NetworkInterface[] = [];
  let hasRole = true;
  let made = 0;

  function add(description: string, group: string): void {
    for (let subnet = 1; subnet <= 2; subnet += 1) interfaces.push({ id: `eni-${(made += 1)}`, description, group });
  }

  function pass(): void {
    for (const [what, looks] of dying) {
      if (looks > 1) dying.set(what, looks - 1);
      else {
        dying.delete(what);
        mappings.delete(what);
        if (hasRole) interfaces = interfaces.filter(({ description }) => !description.includes(what));
      }
    }
  }

  const matches = (pattern: string, text: string) =>
    new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*')}$`).test(text);

  function describe(form: URLSearchParams): string {
    const filters: [string, string][] = [];
    for (let index = 1; form.has(`Filter.${index}.Name`); index += 1)
      filters.push([form.get(`Filter.${index}.Name`)!, form.get(`Filter.${index}.Value.1`)!]);
    const found = interfaces.filter((one) =>
      filters.every(([name, value]) => {
        if (name === 'description') return matches(value, one.description);
        if (name === 'group-id') return one.group === value;
        throw new Error(`the stand-in for EC2 does not support the filter ${name}`);
      }),
    );
    pass();
    const items = found.map(
      ({ id, description, group }) =>
        `<item><networkInterfaceId>${id}</networkInterfaceId><subnetId>subnet-1</subnetId><description>${description}</description>` +
        `<groupSet><item><groupId>${group}</groupId></item></groupSet><status>in-use</status><requesterManaged>true</requesterManaged></item>`,
    );
    return (
      '<?xml version="1.0" encoding="UTF-8"?>\n<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">' +
      `<requestId>1</requestId><networkInterfaceSet>${items.join('')}</networkInterfaceSet></DescribeNetworkInterfacesResponse>`
    );
  }

  /** Returns one page of alarms. A page contains at most two alarms, so that clients must request several pages. */
  function describeAlarms({ ActionPrefix: topic = '', NextToken: from = '0' }: Record<string, string>): object {
    const start = Number(from);
    const found = alarms.filter((alarm) => alarm.topic.startsWith(topic));
    return {
      CompositeAlarms: [],
      MetricAlarms: found.slice(start, start + 2).map(({ name, state }, index) => ({
        AlarmName: name,
        AlarmArn: `arn:aws:cloudwatch:eu-central-1:000000000000:alarm:${name}`,
        AlarmDescription: `What ${name} means.`,
        StateValue: state,
        StateReason: 'Threshold Crossed',
        StateUpdatedTimestamp: 1_795_348_800.5 + index,
        StateTransitionedTimestamp: 1_795_348_800.25,
        ActionsEnabled: true,
      })),
      ...(found.length > start + 2 && { NextToken: String(start + 2) }),
    };
  }

  function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
    const scope =
      /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/eu-central-1\/(\w+)\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/;
    const service = scope.exec(request.headers.authorization ?? '')?.[1];
    if (!service) return void response.writeHead(403).end('<Code>SignatureDoesNotMatch</Code>');
    const caller = String(request.headers['x-amz-security-token'] ?? '');
    const failure = failures.shift();
    if (service === 'ec2') {
      const form = new URLSearchParams(body);
      calls.push({ caller, action: `ec2:${form.get('Action')}`, resource: '*' });
      if (failure)
        return void response
          .writeHead(failure.status, { 'content-type': 'text/xml' })
          .end(
            `<Response><Errors><Error><Code>${failure.code}</Code><Message>no</Message></Error></Errors></Response>`,
          );
      return void response.writeHead(200, { 'content-type': 'text/xml' }).end(describe(form));
    }
    if (service === 'monitoring') {
      const operation = String(request.headers['x-amz-target']).replace('GraniteServiceVersion20100801.', '');
      // CloudWatch checks a request that lists alarms against the ARN of all alarms.
      calls.push({ caller, action: `cloudwatch:${operation}`, resource: 'alarm:*' });
      const json = (status: number, value: object) =>
        void response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(value));
      if (failure) return json(failure.status, { __type: `com.amazon.coral.service#${failure.code}`, message: 'no' });
      return json(200, describeAlarms(JSON.parse(body) as Record<string, string>));
    }
    const id = /^\/2015-03-31\/event-source-mappings\/([^/]+)$/.exec(request.url!)?.[1];
    const verb = request.method === 'GET' ? 'Get' : 'Delete';
    calls.push({ caller, action: `lambda:${verb}EventSourceMapping`, resource: `event-source-mapping:${id}` });
    const json = (status: number, value: object, code?: string) =>
      void response
        .writeHead(status, { 'content-type': 'application/json', ...(code && { 'x-amzn-errortype': code }) })
        .end(JSON.stringify(value));
    if (failure) return json(failure.status, { message: 'no' }, failure.code);
    if (!id) return json(400, { message: 'not here' }, 'InvalidRequest');
    const state = mappings.get(id);
    if (request.method === 'GET')
      return state
        ? json(200, { UUID: id, State: state })
        : json(404, { message: 'no such mapping' }, 'ResourceNotFoundException');
    switch (state) {
      case 'Enabled':
        mappings.set(id, 'Deleting');
        dying.set(id, LOOKS_UNTIL_GONE);
        return json(202, { UUID: id, State: 'Deleting' });
      case 'Deleting':
        return json(409, { message: 'it is in use' }, 'ResourceInUseException');
      default:
        // The IAM permission to delete a mapping has a condition on its function, and a mapping that does not exist
        // has none.
        return json(403, { message: 'not authorized' }, 'AccessDeniedException');
    }
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request, Buffer.concat(chunks).toString(), response));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get interfaces() {
      return interfaces;
    },
    calls,
    alarms,
    addMapping(id, group) {
      mappings.set(id, 'Enabled');
      add(`AWS Lambda VPC ENI-armq-000000000000-${id}-1`, group);
    },
    addFunctions: (name, group) => add(`AWS Lambda VPC ENI-${name}-5f1f0b9e-0000-4000-8000-000000000000`, group),
    deleteFunctions: (name) => void dying.set(name, LOOKS_UNTIL_GONE),
    deleteRole() {
      hasRole = false;
    },
    failNext: (times, status, code) => failures.push(...Array.from({ length: times }, () => ({ status, code }))),
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
