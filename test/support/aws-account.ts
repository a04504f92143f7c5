import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface AccountState {
  /** The largest number of concurrent Lambda executions in the simulated AWS account. */
  concurrency: number;
  unreserved: number;
  vpcs: number;
  addresses: number;
  hasDefaultQuotas?: boolean;
  zones: string[];
  /** The availability zones in which Amazon MQ offers the broker's instance type, by deployment mode. */
  offered: Record<string, string[]>;
  /** The CloudFormation status of each deployed resource, by the name of its stack and its logical id. */
  stacks: Record<string, Record<string, string>>;
  tables: string[];
  secrets: string[];
  /** The AWS services that the user who deploys the service is not allowed to use. */
  denied: string[];
}

/** Simulates the AWS services to which the checks before a deployment send requests. */
export interface AwsAccount {
  readonly url: string;
  readonly state: AccountState;
  readonly calls: string[];
  stop(): Promise<void>;
}

const VPC_QUOTA = 5;
const ADDRESS_QUOTA = 5;

export const ZONES = ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'];

/** Starts a simulated AWS account that meets the requirements of every stage. */
export async function anAwsAccount(): Promise<AwsAccount> {
  const state: AccountState = {
    concurrency: 1_000,
    unreserved: 1_000,
    vpcs: 1,
    addresses: 0,
    zones: ZONES,
    offered: { SINGLE_INSTANCE: ZONES, CLUSTER_MULTI_AZ: ZONES },
    stacks: {},
    tables: [],
    secrets: [],
    denied: [],
  };
  const calls: string[] = [];
  const many = (count: number, item: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => item(index)).join('');
  const json = (value: object, status = 200, type?: string) => ({ status, text: JSON.stringify(value), type });
  const xml = (text: string, status = 200) => ({
    status,
    text: `<?xml version="1.0" encoding="UTF-8"?>${text}`,
    type: undefined,
  });
  const notFound = () => json({ __type: 'com.amazonaws.any#ResourceNotFoundException', message: 'not found' }, 400);

  function answer(service: string, path: string, query: URLSearchParams, target: string, body: string) {
    const form = new URLSearchParams(body);
    const action = target.split('.').at(-1) || form.get('Action') || path;
    calls.push(`${service} ${action}`);
    if (state.denied.includes(service))
      return json({ __type: 'AccessDeniedException', message: `not authorized to perform ${service}:${action}` }, 403);
    switch (`${service} ${action}`) {
      case 'lambda /2016-08-19/account-settings/':
        return json({
          AccountLimit: { ConcurrentExecutions: state.concurrency, UnreservedConcurrentExecutions: state.unreserved },
          AccountUsage: { FunctionCount: 1 },
        });
      case 'ec2 DescribeVpcs':
        return xml(
          `<DescribeVpcsResponse><vpcSet>${many(state.vpcs, (n) => `<item><vpcId>vpc-${n}</vpcId><state>available</state></item>`)}</vpcSet></DescribeVpcsResponse>`,
        );
      case 'ec2 DescribeAddresses':
        return xml(
          `<DescribeAddressesResponse><addressesSet>${many(state.addresses, (n) => `<item><publicIp>203.0.113.${n}</publicIp><allocationId>eipalloc-${n}</allocationId></item>`)}</addressesSet></DescribeAddressesResponse>`,
        );
      case 'ec2 DescribeAvailabilityZones':
        return xml(
          `<DescribeAvailabilityZonesResponse><availabilityZoneInfo>${state.zones
            .map((name) => `<item><zoneName>${name}</zoneName><zoneState>available</zoneState></item>`)
            .join('')}</availabilityZoneInfo></DescribeAvailabilityZonesResponse>`,
        );
      case 'mq /v1/broker-instance-options':
        return json({
          brokerInstanceOptions: Object.entries(state.offered).map(([mode, zones]) => ({
            availabilityZones: zones.map((name) => ({ name })),
            engineType: query.get('engineType'),
            hostInstanceType: query.get('hostInstanceType'),
            storageType: 'EBS',
            supportedDeploymentModes: [mode],
            supportedEngineVersions: ['3.13', '4.2', '4.3'],
          })),
        });
      case 'servicequotas GetServiceQuota':
      case 'servicequotas GetAWSDefaultServiceQuota': {
        if (state.hasDefaultQuotas && action === 'GetServiceQuota')
          return json({ __type: 'NoSuchResourceException', message: 'it has no value of its own here' }, 400);
        const { QuotaCode: code } = JSON.parse(body) as { QuotaCode: string };
        const values: Record<string, number> = { 'L-F678F1CE': VPC_QUOTA, 'L-0263D0A3': ADDRESS_QUOTA };
        return json({ Quota: { QuotaCode: code, Value: values[code] } });
      }
      case 'cloudformation ListStackResources': {
        const name = form.get('StackName')!;
        const resources = state.stacks[name];
        if (!resources)
          return xml(
            `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id ${name} does not exist</Message></Error></ErrorResponse>`,
            400,
          );
        // A page contains two resources, so that a stack needs several pages.
        const all = Object.entries(resources);
        const from = Number(form.get('NextToken') ?? 0);
        const members = all
          .slice(from, from + 2)
          .map(
            ([id, status]) =>
              `<member><LogicalResourceId>${id}</LogicalResourceId><ResourceStatus>${status}</ResourceStatus><DriftInformation><StackResourceDriftStatus>NOT_CHECKED</StackResourceDriftStatus></DriftInformation></member>`,
          );
        const next = from + 2 < all.length ? `<NextToken>${from + 2}</NextToken>` : '';
        return xml(
          `<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>${members.join('')}</StackResourceSummaries>${next}</ListStackResourcesResult></ListStackResourcesResponse>`,
        );
      }
      case 'dynamodb DescribeTable': {
        const { TableName } = JSON.parse(body) as { TableName: string };
        return state.tables.includes(TableName) ? json({ Table: { TableName, TableStatus: 'ACTIVE' } }) : notFound();
      }
      case 'secretsmanager DescribeSecret': {
        const { SecretId } = JSON.parse(body) as { SecretId: string };
        return state.secrets.includes(SecretId) ? json({ Name: SecretId }) : notFound();
      }
      default:
        return json({ __type: 'NotImplemented', message: `${service} ${action}` }, 501);
    }
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const service =
        /Credential=[^/]+\/\d{8}\/[\w-]+\/(\w+)\/aws4_request/.exec(request.headers.authorization ?? '')?.[1] ??
        'unsigned';
      const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
      const target = String(request.headers['x-amz-target'] ?? '');
      const { status, text } = answer(service, pathname, searchParams, target, Buffer.concat(chunks).toString());
      response.writeHead(status, { 'content-type': text.startsWith('<') ? 'text/xml' : 'application/json' }).end(text);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    calls,
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
