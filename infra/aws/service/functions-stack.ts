import { brokerName } from '../foundation/stack.ts';
import { imported } from '../foundation/exports.ts';
import type { Stage } from '../../stages/stage.ts';
import { service as declared } from '../../service.ts';
import { deadLetterQueue, queues, topology } from '../../topology.ts';
import { roleOf, type Consumed } from './access.ts';
import { alarm, ownMetric, type AlarmDefinition, type Topics } from './alarm.ts';
import { brokerAlarms } from './alarms/broker-alarms.ts';
import { concurrencyOf, queueNameOf } from './event-sources.ts';
import { functionAlarms, toolkitAlarms } from './alarms/function-alarms.ts';
import { queueAlarms } from './alarms/queue-alarms.ts';
import { reserveConcurrency, sharesConnections } from './connections.ts';
import { dashboard } from './dashboard.ts';
import { addConsoleClient, consoleEnvironment, servesConsole } from './console-login.ts';
import { brokerEnvironment, httpEnvironment } from './environment.ts';
import { dashboardSections } from './dashboard-charts.ts';
import { eventSourceRemoval, FUNCTIONS_NETWORK, functionsNetwork, rotations, topologyResource } from './operations.ts';
import { ALIAS, releaseAlarms, releaseCommons, releaseResources, type Released } from './release.ts';
import { kindOf, routeOf, type FunctionDefinition, type Serverless } from '../serverless.ts';
import { pascalCase, type Resource } from '../template.ts';

/**
 * The names, in the section `functions` of serverless.yml, of the functions that CloudFormation or Secrets Manager
 * invokes.
 */
const TOPOLOGY_FUNCTION = 'apply-topology';
const ROTATION_FUNCTION = 'rotate-login';
const REMOVAL_FUNCTION = 'remove-network';

const roleId = (key: string): string => `${pascalCase(key)}Role`;
const alarmId = (name: string): string => `${pascalCase(name)}Alarm`;

const entries = ({ service }: Serverless): [string, FunctionDefinition][] => Object.entries(service.functions);

const environmentsOf = (source: { queue: string } | undefined, stage: Stage): number =>
  source ? concurrencyOf(queueNameOf(source.queue), stage) : 0;

/**
 * Sets the role, the alias, the environment variables and the reserved concurrency of each function. Returns the sum of
 * the reserved concurrencies.
 */
export function prepareFunctions(serverless: Serverless, stageName: string, stage: Stage): number {
  const { service } = serverless.service;
  const demands = Object.fromEntries(
    entries(serverless).map(([key, { access, events }]) => [
      key,
      { access, environments: events.reduce((sum, { rabbitmq }) => sum + environmentsOf(rabbitmq, stage), 0) },
    ]),
  );
  const reserved = reserveConcurrency(demands, stage);
  for (const [key, definition] of entries(serverless)) {
    const { access = {} } = definition;
    definition.role = roleId(key);
    definition.environment = {
      ...definition.environment,
      ...brokerEnvironment(stageName, access),
      ...(kindOf(definition) === 'request' && httpEnvironment(stageName, stage, access)),
      ...(servesConsole(definition) && consoleEnvironment(service, stageName, stage)),
    };
    if (stage.tracing !== 'off' && stage.tracing.collectorLayer) definition.layers = [stage.tracing.collectorLayer];
    if (reserved[key] !== undefined) definition.reservedConcurrency = reserved[key];
    if (kindOf(definition) !== 'direct') definition.targetAlias = { name: ALIAS, logicalId: `${pascalCase(key)}Alias` };
  }
  return Object.values(reserved).reduce((sum, one) => sum + one, 0);
}

/** Returns the kind of queue from which a function receives messages; `undefined` if the function is not a consumer. */
export function consumedBy(events: FunctionDefinition['events']): Consumed {
  const queue = events.find(({ rabbitmq }) => rabbitmq)?.rabbitmq?.queue;
  if (queue === undefined) return undefined;
  return queue === deadLetterQueue ? 'dead-letter queue' : 'work queue';
}

/** Adds to the service stack the resources that Serverless itself does not create. */
export function completeFunctions(serverless: Serverless, service: string, stageName: string, stage: Stage): void {
  const { naming } = serverless.getProvider('aws');
  const template = serverless.service.provider.compiledCloudFormationTemplate;
  const own = ownMetric(service, stageName);
  const topics: Topics = {
    critical: imported(stageName, 'critical-topic'),
    warning: imported(stageName, 'warning-topic'),
  };
  const add = (resources: Readonly<Record<string, Resource>>) => Object.assign(template.Resources, resources);
  const addAlarms = (definitions: readonly AlarmDefinition[]) =>
    definitions.map((definition) => {
      const id = alarmId(definition.name);
      add({ [id]: alarm(definition, topics) });
      return id;
    });

  add(releaseCommons(stage.release));
  for (const [key, definition] of entries(serverless)) {
    const { name: functionName, access = {}, events } = definition;
    const functionId = naming.getLambdaLogicalId(key);
    const kind = kindOf(definition);
    add({
      [roleId(key)]: roleOf({
        functionName,
        logGroupId: naming.getLogGroupLogicalId(key),
        access,
        consumes: consumedBy(events),
        stageName,
        tablePrefix: `${service}-${stageName}-`,
      }),
    });
    if (access.login) waitFor(joinNetwork(template.Resources[functionId]!, stageName), FUNCTIONS_NETWORK);
    const { Timeout: timeoutSeconds } = template.Resources[functionId]!.Properties as { Timeout: number };
    const isPublisher = sharesConnections(access);
    const subject = { key, functionName, kind, timeoutSeconds, isPublisher, ...recordedSubject(events) };
    addAlarms(functionAlarms(subject, own, stage));
    if (!definition.targetAlias) continue;
    const released: Released = {
      key,
      functionName,
      functionId,
      aliasId: definition.targetAlias.logicalId,
      versionId: definition.versionLogicalId!,
      route: routeOf({ events }),
    };
    add(releaseResources(released, stage.release, addAlarms(releaseAlarms(released, stage.release))));
  }

  const topologyFunction = serverless.service.functions[TOPOLOGY_FUNCTION]!;
  const topologyFunctionId = naming.getLambdaLogicalId(TOPOLOGY_FUNCTION);
  add(topologyResource(stageName, topologyFunctionId, topologyFunction.versionLogicalId!, stage.broker));
  add(rotations(stageName, naming.getLambdaLogicalId(ROTATION_FUNCTION), stage));
  waitForTopology(template.Resources);
  const removalId = naming.getLambdaLogicalId(REMOVAL_FUNCTION);
  const inNetwork = entries(serverless).filter(([, { access }]) => access?.login);
  add(
    functionsNetwork(
      stageName,
      removalId,
      inNetwork.map(([key]) => roleId(key)),
    ),
  );
  for (const [id, source] of ofType(template.Resources, 'AWS::Lambda::EventSourceMapping'))
    add(eventSourceRemoval(removalId, id, roleOfSource(id, source)));
  if (stage.operators === 'cognito' && entries(serverless).some(([, definition]) => servesConsole(definition)))
    addConsoleClient(template.Resources, stageName);
  limitRate(template.Resources, stage);
  allowOrigins(template.Resources, stage);

  const consumed = [...Object.values(queues).map(({ name }) => name), deadLetterQueue];
  const workQueues = Object.values(queues).map(({ name }) => name);
  addAlarms(queueAlarms({ consumed, workQueues, topology }, own, stage));
  addAlarms(declared.alarms(own, stage));
  addAlarms(brokerAlarms(brokerName(service, stageName), own, stage));
  addAlarms(toolkitAlarms(own));
  const functions = entries(serverless).map(([key, definition]) => ({
    key,
    functionName: definition.name,
    kind: kindOf(definition),
  }));
  const delayQueues = [...new Set(Object.values(queues).flatMap((queue) => queue.delays.map(({ name }) => name)))];
  const subject = { brokerName: brokerName(service, stageName), functions, queues: consumed, delayQueues, own };
  add({ Dashboard: dashboard(dashboardSections({ ...subject, business: declared.charts(own) })) });
}

const patch = (resource: Resource, properties: Resource['Properties']) =>
  Object.assign(resource, { Properties: { ...resource.Properties, ...properties } });

const joinNetwork = (lambda: Resource, stageName: string): Resource =>
  patch(lambda, {
    VpcConfig: {
      SubnetIds: { 'Fn::Split': [',', imported(stageName, 'private-subnets')] },
      SecurityGroupIds: [imported(stageName, 'functions-security-group')],
    },
  });

const ofType = (resources: Record<string, Resource>, type: string): [string, Resource][] =>
  Object.entries(resources).filter(([, { Type }]) => Type === type);

const waitFor = (resource: Resource, ...ids: readonly string[]) =>
  Object.assign(resource, { DependsOn: [...[resource.DependsOn ?? []].flat(), ...ids] });

/**
 * Makes CloudFormation create the event sources after the topology, because an event source stops if its queue does not
 * exist.
 */
function waitForTopology(resources: Record<string, Resource>): void {
  const sources = ofType(resources, 'AWS::Lambda::EventSourceMapping');
  for (const [, source] of sources) waitFor(source, 'BrokerTopology');
  for (const [, schedule] of ofType(resources, 'AWS::Events::Rule')) waitFor(schedule, ...sources.map(([id]) => id));
}

function roleOfSource(id: string, { DependsOn = [] }: Resource): string {
  const role = [DependsOn].flat().find((other) => other.endsWith('Role'));
  if (!role)
    throw new Error(
      `the event source ${id} does not depend on the IAM role of its function: add the role to the DependsOn of ${id}`,
    );
  return role;
}

/**
 * Sets the rate limit of API Gateway. API Gateway answers requests above the limit with status 429, and does not invoke
 * a function for such requests.
 */
function limitRate(resources: Record<string, Resource>, { http }: Stage): void {
  const httpStage = resources['HttpApiStage'];
  if (!httpStage) return;
  const { DefaultRouteSettings: settings = {} } = httpStage.Properties as { DefaultRouteSettings?: object };
  patch(httpStage, {
    DefaultRouteSettings: {
      ...settings,
      ThrottlingRateLimit: http.ratePerSecond,
      ThrottlingBurstLimit: http.burst,
    },
  });
}

function allowOrigins(resources: Record<string, Resource>, { http: { corsOrigins } }: Stage): void {
  const api = resources['HttpApi'];
  if (corsOrigins.length === 0 || !api) return;
  patch(api, {
    CorsConfiguration: {
      AllowOrigins: corsOrigins,
      AllowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
      AllowHeaders: [
        'authorization',
        'content-type',
        'idempotency-key',
        'webhook-id',
        'webhook-timestamp',
        'webhook-signature',
      ],
      ExposeHeaders: ['location', 'retry-after', 'x-request-id'],
      MaxAge: 600,
    },
  });
}

export function recordedSubject(events: FunctionDefinition['events']): { route?: string; workQueue?: string } {
  const route = routeOf({ events });
  const queue = events.find(({ rabbitmq }) => rabbitmq)?.rabbitmq?.queue;
  return {
    ...(route && { route: `${route.method} ${route.path}` }),
    ...(queue !== undefined && queue !== deadLetterQueue && { workQueue: queueNameOf(queue) }),
  };
}
