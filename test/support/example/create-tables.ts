import { resourcesOf } from '../../../infra/aws/foundation/table-resources.ts';
import { createTables, localTables } from '../../../infra/dev/runtime/store/tables.ts';
import { tables as ofService } from '../../../infra/tables.ts';
import { toolkitTables } from '../../../lib/dynamodb/toolkit-tables.ts';
import { tables as ofExample } from './tables.ts';

export const createTestTables = (endpoint: string, prefix: string): Promise<string[]> =>
  createTables({
    endpoint,
    prefix,
    tables: localTables(resourcesOf([...toolkitTables, ...Object.values({ ...ofExample, ...ofService })], prefix)),
  });
