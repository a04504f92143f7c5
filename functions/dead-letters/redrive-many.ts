import * as z from 'zod';

import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { redriveLetters } from './redrive-letters.ts';

const text = z.string().min(1).max(255);

const body = z.strictObject({
  filter: z.strictObject({ queue: text.optional(), code: text.optional() }),
  maximum: z.int().min(1).max(1_000).default(100),
  force: z.boolean().default(false),
});

/** POST /dead-letters/redrive: sends many open dead letters back, oldest first. */
export const handler = endpoint({ body }, async ({ body: { filter, maximum, force }, remainingMs, note }) => {
  const report = await redriveLetters(filter, { maximum, force, remainingMs });
  const { redriven, skipped, failed, more } = report;
  note({ redriven, skipped: skipped.length, failed: failed.length, more });
  return ok(report);
});
