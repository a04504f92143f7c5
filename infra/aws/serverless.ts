import type { AwsAccess } from '../../lib/aws/aws-api.ts';
import type { Access } from './service/access.ts';
import type { Template } from './template.ts';

/** The part of a function in serverless.yml that the plugin reads and writes. */
export interface FunctionDefinition {
  name: string;
  handler: string;
  events: { httpApi?: unknown; rabbitmq?: { queue: string }; schedule?: unknown }[];
  access?: Access;
  role?: string;
  timeout?: number;
  reservedConcurrency?: number;
  environment?: Record<string, unknown>;
  targetAlias?: { name: string; logicalId: string };
  /** Set once Serverless has compiled the functions. */
  versionLogicalId?: string;
}

/** The part of Serverless that the plugin reads and writes. */
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
    /** The deployer's region, credentials and timeouts, for an AWS SDK client. */
    getAwsSdkV3Config(): Promise<{ credentials: AwsAccess['credentials'] }>;
  };
  classes: { Error: new (message: string, code: string) => Error };
}

/** The trigger of a function, which determines its releases and alarms. */
export type Kind = 'request' | 'consumer' | 'schedule' | 'direct';

export function kindOf({ events }: Pick<FunctionDefinition, 'events'>): Kind {
  if (events.some((event) => event.httpApi)) return 'request';
  if (events.some((event) => event.rabbitmq)) return 'consumer';
  return events.some((event) => event.schedule) ? 'schedule' : 'direct';
}
