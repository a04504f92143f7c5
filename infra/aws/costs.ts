import { service as declared } from '../service.ts';
import type { Resource, Template, Value } from './template.ts';

interface Templates {
  readonly broker: Template;
  readonly functions: Template;
}

interface Position {
  readonly what: string;
  /** The price of one unit of the AWS resource, in US dollars per month. */
  readonly price: number;
  count(templates: Templates): number;
  /** Whether AWS charges for this resource only if the stage has traffic. */
  readonly isWithTraffic?: boolean;
}

const all = ({ broker, functions }: Templates): [string, Resource][] =>
  [broker, functions].flatMap(({ Resources }) => Object.entries(Resources));

const ofType = (templates: Templates, ...types: readonly string[]): Resource[] =>
  all(templates).flatMap(([, resource]) => (types.includes(resource.Type) ? [resource] : []));

const property = (resource: Resource | undefined, name: string): Value | undefined => resource?.Properties?.[name];

const nodes = (templates: Templates, instanceType: string): number => {
  const [broker] = ofType(templates, 'AWS::AmazonMQ::Broker');
  if (property(broker, 'HostInstanceType') !== instanceType) return 0;
  return property(broker, 'DeploymentMode') === 'CLUSTER_MULTI_AZ' ? 3 : 1;
};

const zonesOfEndpoints = (templates: Templates): number =>
  ofType(templates, 'AWS::EC2::VPCEndpoint').reduce((sum, endpoint) => {
    const subnets = property(endpoint, 'SubnetIds');
    return sum + (Array.isArray(subnets) ? subnets.length : 0);
  }, 0);

function alarmMetrics(templates: Templates): number {
  const [broker] = ofType(templates, 'AWS::AmazonMQ::Broker');
  const perQuery = property(broker, 'DeploymentMode') === 'CLUSTER_MULTI_AZ' ? 3 : 1;
  return ofType(templates, 'AWS::CloudWatch::Alarm').reduce((sum, one) => {
    const metrics = (property(one, 'Metrics') ?? [{ MetricStat: {} }]) as readonly Readonly<Record<string, Value>>[];
    const named = metrics.filter(({ MetricStat: stat }) => stat !== undefined).length;
    return sum + (named > 0 ? named : perQuery);
  }, 0);
}

function ownMetrics(templates: Templates): number {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { Namespace, MetricName, Dimensions, DashboardBody } = value as Record<string, unknown>;
    if (Namespace === declared.metricsNamespace)
      found.add(
        [
          MetricName,
          ...(Dimensions as { Name: string; Value: string }[]).map((one) => `${one.Name}=${one.Value}`).toSorted(),
        ].join(),
      );
    if (DashboardBody) for (const metric of charted(DashboardBody)) found.add(metric);
    for (const part of Object.values(value)) visit(part);
  };
  for (const [, resource] of all(templates)) visit(resource);
  return found.size;
}

function charted(body: unknown): string[] {
  const { widgets } = JSON.parse((body as { 'Fn::Sub': string })['Fn::Sub']) as {
    widgets: { properties: { metrics?: readonly (readonly unknown[])[] } }[];
  };
  return widgets
    .flatMap(({ properties: { metrics = [] } }) => metrics)
    .filter(([namespace]) => namespace === declared.metricsNamespace)
    .map(([, name, ...rest]) => {
      const texts = rest.filter((one) => typeof one === 'string');
      const pairs = texts.flatMap((one, index) => (index % 2 === 0 ? [`${one}=${texts[index + 1]}`] : []));
      return [name, ...pairs.toSorted()].join();
    });
}

const count =
  (...types: readonly string[]) =>
  (templates: Templates) =>
    ofType(templates, ...types).length;

/**
 * The prices of one month (730 hours) in US dollars, rounded up. AWS has different prices in each region; enter the
 * prices of your region here.
 */
const positions: readonly Position[] = [
  { what: 'broker node, m7g.medium', price: 70, count: (one) => nodes(one, 'mq.m7g.medium') },
  { what: 'broker node, m7g.large', price: 200, count: (one) => nodes(one, 'mq.m7g.large') },
  { what: "disk of a broker's node, m7g.medium", price: 5, count: (one) => nodes(one, 'mq.m7g.medium') },
  { what: "disk of a broker's node, m7g.large", price: 20, count: (one) => nodes(one, 'mq.m7g.large') },
  { what: 'NAT gateway', price: 39, count: count('AWS::EC2::NatGateway') },
  { what: 'public address', price: 4, count: count('AWS::EC2::EIP') },
  { what: 'interface endpoint in a zone', price: 9, count: zonesOfEndpoints },
  { what: 'metric of an alarm', price: 0.1, count: alarmMetrics },
  { what: 'custom metric in alarms or dashboard', price: 0.3, count: ownMetrics },
  { what: 'dashboard', price: 3, count: count('AWS::CloudWatch::Dashboard') },
  { what: 'secret', price: 0.4, count: count('AWS::SecretsManager::Secret') },
  { what: 'runs and logs of `report-queues`', price: 2, count: count('AWS::Events::Rule') },
  {
    what: 'detailed metrics of a route (six)',
    price: 1.8,
    count: count('AWS::ApiGatewayV2::Route'),
    isWithTraffic: true,
  },
];

/**
 * Returns a Markdown table of what each stage costs per month while it has no traffic, calculated from the stages'
 * CloudFormation templates.
 */
export function costsTable(stages: Readonly<Record<string, Templates>>): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const names = Object.keys(stages);
  const cost = (position: Position, name: string) => position.price * position.count(stages[name]!);
  const line = (position: Position) =>
    row([
      position.what,
      position.price.toFixed(2),
      ...names.map((name) => {
        const number = position.count(stages[name]!);
        return number === 0 ? '–' : `${number} × = ${Math.ceil(cost(position, name))}`;
      }),
    ]);
  const inAll = names.map((name) =>
    positions.filter(({ isWithTraffic }) => !isWithTraffic).reduce((sum, position) => sum + cost(position, name), 0),
  );
  return [
    row(['', 'each', ...names]),
    row(['---', '---', ...names.map(() => '---')]),
    ...positions.filter(({ isWithTraffic }) => !isWithTraffic).map(line),
    row(['**at rest**', '', ...inAll.map((sum) => `**≈ ${Math.ceil(sum / 5) * 5}**`)]),
    ...positions.filter(({ isWithTraffic }) => isWithTraffic).map(line),
  ].join('\n');
}
