import * as z from 'zod';

import type { BrokerRole } from '../management/roles.ts';
import { exchangeTypes, type Topology } from './topology.ts';

const settings = z.record(z.string(), z.union([z.string(), z.number()]));

const topology: z.ZodType<Topology> = z.object({
  exchanges: z.array(
    z.object({
      name: z.string(),
      type: z.enum(exchangeTypes),
      arguments: z.record(z.string(), z.string()).optional(),
    }),
  ),
  queues: z.array(z.object({ name: z.string(), arguments: settings })),
  bindings: z.array(
    z.union([
      z.object({ exchange: z.string(), queue: z.string(), routingKey: z.string() }),
      z.object({ exchange: z.string(), toExchange: z.string(), routingKey: z.string() }),
    ]),
  ),
  policies: z
    .array(
      z.object({
        name: z.string(),
        queues: z.array(z.string()),
        priority: z.number(),
        definition: settings,
        delayedRetry: z.object({ minMs: z.number(), maxMs: z.number() }).optional(),
      }),
    )
    .optional(),
});

const roles: z.ZodType<readonly BrokerRole[]> = z.array(
  z.object({
    name: z.string(),
    usernames: z.tuple([z.string(), z.string()]),
    tags: z.array(z.string()),
    configure: z.string(),
    write: z.string(),
    read: z.string(),
  }),
);

export const readTopology = (text: unknown): Topology => readJson('Topology', topology, text);

export const readRoles = (text: unknown): readonly BrokerRole[] => readJson('Roles', roles, text);

function readJson<T>(name: string, schema: z.ZodType<T>, text: unknown): T {
  if (typeof text !== 'string') throw new Error(`the property ${name} of the custom resource must be JSON text`);
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const [issue] = cause instanceof z.ZodError ? cause.issues : [];
    const reason = issue ? `${issue.path.join('.')}: ${issue.message}` : 'it is not JSON';
    throw new Error(`the property ${name} of the custom resource is invalid: ${reason}`, { cause });
  }
}
