import type { CreateTableCommandInput, TimeToLiveSpecification } from '@aws-sdk/client-dynamodb';
import type { Resources } from 'serverless-surehop/tables';

export interface Table {
  readonly definition: CreateTableCommandInput & { readonly TableName: string };
  readonly timeToLive?: TimeToLiveSpecification;
}

/**
 * Converts the tables of a CloudFormation template to tables for a local DynamoDB, which has no backups, encryption or deletion
 * protection.
 */
export const localTables = (resources: Resources): Table[] =>
  Object.values(resources).map(({ Properties = {} }) => {
    const { TableName, BillingMode, AttributeDefinitions, KeySchema, GlobalSecondaryIndexes } = Properties;
    return {
      definition: {
        TableName,
        BillingMode,
        AttributeDefinitions,
        KeySchema,
        GlobalSecondaryIndexes,
      } as unknown as Table['definition'],
      timeToLive: Properties['TimeToLiveSpecification'] as TimeToLiveSpecification | undefined,
    };
  });
