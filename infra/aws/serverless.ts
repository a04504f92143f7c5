import type { AwsAccess } from 'surehop/aws';

import type { Access } from './service/access.ts';
import type { Template } from './template.ts';

/** The properties of a function in serverless.yml that the packaging plugin reads and writes. */
export interface FunctionDefinition {
  name: string;
  handler: string;
  events: { httpApi?: unknown; rabbitmq?: { queue: string }; schedule?: unknown }[];
  access?: Access;
  package?: { artifact?: string; individually?: boolean };
  role?: string;
  timeout?: number;
  reservedConcurrency?: number;
  layers?: string[];
  environment?: Record<string, unknown>;
  targetAlias?: { name: string; logicalId: string };
  /**
   * The logical id of the function's resource `AWS::Lambda::Version`. Serverless sets the id when it compiles the
   * functions.
   */
  versionLogicalId?: string;
}

/** The part of the Serverless object that the packaging plugin reads and writes. */
export interface Serverless {
  serviceDir: string;
  processedInput: { readonly commands: readonly string[] };
  service: {
    service: string;
    custom?: { stack?: 'broker' | 'functions' };
    provider: { compiledCloudFormationTemplate: Template };
    functions: Record<string, FunctionDefinition>;
  };
  configSchemaHandler: { defineFunctionProperties(provider: string, schema: unknown): void };
  getProvider(name: 'aws'): {
    getStage(): string;
    getRegion(): string;
    naming: {
      getStackName(): string;
      getLambdaLogicalId(key: string): string;
      getLogGroupLogicalId(key: string): string;
    };
    /** Returns the deployer's region, credentials and timeouts, as options of an AWS SDK client. */
    getAwsSdkV3Config(): Promise<{ credentials: AwsAccess['credentials'] }>;
  };
  classes: { Error: new (message: string, code: string) => Error };
}

/**
 * The kind of a function, which depends on its trigger: HTTP requests, messages, a schedule, or direct invocations. The
 * kind determines how the function is released and which alarms it has.
 */
export type Kind = 'request' | 'consumer' | 'schedule' | 'direct';

export function kindOf({ events }: Pick<FunctionDefinition, 'events'>): Kind {
  if (events.some((event) => event.httpApi)) return 'request';
  if (events.some((event) => event.rabbitmq)) return 'consumer';
  return events.some((event) => event.schedule) ? 'schedule' : 'direct';
}

/** Returns the HTTP route that triggers a function, or `undefined` if no HTTP request triggers the function. */
export function routeOf({
  events,
}: Pick<FunctionDefinition, 'events'>): { readonly method: string; readonly path: string } | undefined {
  const route = events.map(({ httpApi }) => httpApi).find((httpApi) => httpApi !== undefined);
  const text = typeof route === 'string' ? route : undefined;
  const parts = route as { method: string; path: string } | undefined;
  const [method, path] = text ? text.split(' ') : [parts?.method, parts?.path];
  return method && path ? { method: method.toUpperCase(), path } : undefined;
}
