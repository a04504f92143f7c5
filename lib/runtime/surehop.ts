import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import type { Publisher } from '../events/publish.ts';
import { systemClock, type Clock } from './clock.ts';
import { configureLog } from './log.ts';
import { configureMetrics } from './metrics.ts';
import { serviceSettings } from './service-settings.ts';
import { readSettings, type Concern, type Environment } from './settings.ts';
import type { Tracing } from './tracing.ts';

/** The options with which a service sets up the toolkit. The toolkit reads its settings only from `environment`. */
export interface SurehopOptions {
  /**
   * The environment variables with the settings of the toolkit, usually `process.env`. Each part of the toolkit
   * validates its own settings.
   */
  readonly environment: Environment;
  readonly clock?: Clock;
  /** The recorder of spans, for example `openTelemetry()`. By default, no spans are recorded. */
  readonly tracing?: Tracing;
  /**
   * Clients that replace the toolkit's own clients, for example in tests. By default, the toolkit creates clients from
   * the settings.
   */
  readonly clients?: Clients;
}

interface Clients {
  /**
   * The client whose configuration and middleware the toolkit uses for all requests to DynamoDB. Consumers repeat failed
   * requests themselves, and therefore ignore the retry settings of this client.
   */
  readonly dynamodb?: DynamoDBClient;
  readonly publisher?: Publisher;
}

/**
 * The toolkit, set up for one service. Consumers, endpoints and the archive of dead letters take this object as their
 * first argument.
 */
export interface Surehop {
  readonly clock: Clock;
  readonly clients: Clients;
  readonly tracing: Tracing | undefined;
  /**
   * Returns the environment variables, including the AWS credentials. `environment` is a method and not a property, so
   * that a log of the `Surehop` object does not contain the credentials.
   */
  environment(): Environment;
  /** The name of the Lambda function, or `undefined` if the process is not a Lambda function. */
  readonly functionName: string | undefined;
  /** Reads and validates the settings of one part of the toolkit. Throws a `SettingsError` that names all wrong settings. */
  settings<T>(concern: Concern<T>): T;
  /**
   * Returns the result of `make`, which is called only once. Later calls of `shared` with the same function return the
   * cached result.
   */
  shared<T>(make: (surehop: Surehop) => T): T;
}

/** Sets up the toolkit for one service. Each client is created only when it is first needed. */
export function createSurehop({
  environment: given,
  clock = systemClock,
  tracing,
  clients = {},
}: SurehopOptions): Surehop {
  // The environment is copied, so that parts of the toolkit that start later read the same settings.
  const environment = { ...given };
  const instances = new Map<unknown, unknown>();
  const remembered = <T>(key: unknown, make: () => T): T => {
    if (!instances.has(key)) instances.set(key, make());
    return instances.get(key) as T;
  };
  const settings = <T>(concern: Concern<T>): T => remembered(concern, () => readSettings(concern, environment));
  const {
    SERVICE_NAME: service,
    STAGE: stage,
    LOG_LEVEL: level,
    METRICS_NAMESPACE: namespace,
  } = settings(serviceSettings);
  configureLog({ service, level });
  configureMetrics({ namespace, service, stage });
  const surehop: Surehop = {
    clock,
    clients,
    tracing,
    environment: () => environment,
    functionName: environment['AWS_LAMBDA_FUNCTION_NAME'],
    settings,
    shared: (make) => remembered(make, () => make(surehop)),
  };
  return surehop;
}
