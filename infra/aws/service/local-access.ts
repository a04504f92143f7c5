import type { FunctionDefinition } from '../serverless.ts';
import { allowedActions } from './access.ts';
import { consumedBy } from './functions-stack.ts';

/**
 * Passes to each local function the DynamoDB actions that the function's role allows on AWS. A function that lacks a
 * permission in serverless.yml therefore also fails under `npm start`.
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
