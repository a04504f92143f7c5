import type { AwsAccess } from '../../lib/aws/aws-api.ts';
import type { Access } from './service/access.ts';
import type { Template } from './template.ts';

/** A function of serverless.yml, as far as packaging looks at it. */
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
  /** Known once the functions are compiled. */
  versionLogicalId?: string;
}

/** What packaging reads and writes of Serverless. */
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
    /** Region, credentials and time limits of the deployer, for a client of AWS's SDK. */
    getAwsSdkV3Config(): Promise<{ credentials: AwsAccess['credentials'] }>;
  };
  classes: { Error: new (message: string, code: string) => Error };
}

/** What a function is called by, which decides how it is released and what is normal for it. */
export type Kind = 'request' | 'consumer' | 'schedule' | 'direct';

export function kindOf({ events }: Pick<FunctionDefinition, 'events'>): Kind {
  if (events.some((event) => event.httpApi)) return 'request';
  if (events.some((event) => event.rabbitmq)) return 'consumer';
  return events.some((event) => event.schedule) ? 'schedule' : 'direct';
}
