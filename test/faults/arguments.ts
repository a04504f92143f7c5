import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import * as z from 'zod';

import { Problem } from '../../infra/dev/runtime/command-line.ts';

export interface Arguments {
  readonly seed: number;
  /** The faults to inject, selected by their name, by a part of their name, or by a group such as `network`. */
  readonly only: readonly string[];
  readonly messages: number;
  /**
   * How long faults are injected, in minutes. If this is `undefined`, the fault tests end after `messages` messages.
   */
  readonly minutes?: number;
  /** Whether the test system keeps running after the fault until Ctrl-C. */
  readonly hold: boolean;
  /** The broker that the fault tests use: `default` is the broker of `npm start`, and `4` is a private RabbitMQ 4. */
  readonly broker: 'default' | '4';
}

const whole = z.coerce.number().int().min(1);

const schema = z.object({
  seed: whole
    .max(2 ** 31)
    .optional()
    .describe('a whole number'),
  only: z.array(z.string().min(1)).default([]).describe('the name of a fault, a part of it, or where it happens'),
  messages: whole.max(10_000_000).optional().describe('a number of messages'),
  minutes: z.coerce.number().positive().optional().describe('a number of minutes'),
  hold: z.boolean().default(false),
  broker: z
    .enum(['default', '4'])
    .default('default')
    .describe('"default" for the broker that npm start uses, or "4" for RabbitMQ 4'),
});

export function readArguments(args: readonly string[], defaults: { messages: number; minutes?: number }): Arguments {
  let values: Record<string, unknown>;
  try {
    const option = { type: 'string' } as const;
    const options = {
      seed: option,
      messages: option,
      minutes: option,
      broker: option,
      hold: { type: 'boolean' } as const,
      only: { ...option, multiple: true },
    };
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    throw new Problem(
      `${(error as Error).message}; the known options are ${Object.keys(schema.shape)
        .map((name) => `--${name}`)
        .join(', ')}`,
      {
        exitCode: 2,
      },
    );
  }
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]) as keyof typeof schema.shape;
    throw new Problem(`--${name} is "${String(values[name])}", expected ${schema.shape[name].description}`, {
      exitCode: 2,
    });
  }
  const {
    seed = randomInt(1, 1_000_000),
    messages = defaults.messages,
    minutes = defaults.minutes,
    ...rest
  } = parsed.data;
  return { ...rest, seed, messages, minutes };
}
