import type { FunctionDefinition } from '../serverless.ts';
import { allowedActions } from './access.ts';
import { consumedBy } from './functions-stack.ts';

/**
 * Tells each local function which DynamoDB actions the function's role would allow on AWS. A function whose `access` in
 * serverless.yml lacks a permission therefore fails on this machine, too.
 */
export function passTableAccess(functions: Readonly<Record<string, FunctionDefinition>>): void {
  for (const [key, definition] of Object.entries(functions)) {
    const consumes = consumedBy(definition.events);
    const allowed = allowedActions({ access: definition.access ?? {}, consumes });
    const tables = Object.fromEntries(Array.from(allowed, ([name, actions]) => [name, [...actions]]));
    const access = { function: key, isConsumer: consumes !== undefined, tables };
    definition.environment = { ...definition.environment, TABLE_ACCESS: JSON.stringify(access) };
  }
}
