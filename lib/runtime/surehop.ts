import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Publisher } from '../events/publish.ts';
import { systemClock, type Clock } from './clock.ts';
import { configureLog } from './log.ts';
import { configureMetrics } from './metrics.ts';
import { serviceSettings } from './service-settings.ts';
import { readSettings, type Concern, type Environment } from './settings.ts';

/** What a service gives to the toolkit; the toolkit itself never reads `process.env`. */
export interface SurehopOptions {
  /** The settings by name, usually `process.env`. Each part of the toolkit validates its own settings when it starts. */
  readonly environment: Environment;
  /** The CloudWatch namespace of all metrics. */
  readonly metricsNamespace?: string;
  readonly clock?: Clock;
  /** Clients to use instead of those that the settings describe. */
  readonly clients?: Clients;
}

interface Clients {
  readonly dynamodb?: DynamoDBClient;
  readonly publisher?: Publisher;
}

/** The toolkit as set up for one service: what consumers, endpoints and the archive take as their first argument. */
export interface Surehop {
  readonly clock: Clock;
  readonly clients: Clients;
  /** The name of the Lambda function, if the process is one. */
  readonly functionName: string | undefined;
  /** The validated settings of one concern; throws a `SettingsError` that names every wrong setting of it. */
  settings<T>(concern: Concern<T>): T;
  /** What `make` returned at its first call, so that all functions of a process share one instance. */
  shared<T>(make: (surehop: Surehop) => T): T;
}

/** Sets up the toolkit. No client is created before a consumer, an endpoint or another part needs it. */
export function createSurehop({
  environment: given,
  metricsNamespace = 'Surehop',
  clock = systemClock,
  clients = {},
}: SurehopOptions): Surehop {
  // A copy, so that parts that start later read the same settings.
  const environment = { ...given };
  const instances = new Map<unknown, unknown>();
  const remembered = <T>(key: unknown, make: () => T): T => {
    if (!instances.has(key)) instances.set(key, make());
    return instances.get(key) as T;
  };
  const surehop: Surehop = {
    clock,
    clients,
    functionName: environment['AWS_LAMBDA_FUNCTION_NAME'],
    settings: (concern) => remembered(concern, () => readSettings(concern, environment)),
    shared: (make) => remembered(make, () => make(surehop)),
  };
  const { SERVICE_NAME: service, STAGE: stage, LOG_LEVEL: level } = surehop.settings(serviceSettings);
  configureLog({ service, level });
  configureMetrics({ namespace: metricsNamespace, service, stage });
  return surehop;
}
