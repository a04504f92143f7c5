import * as z from 'zod';

import { reason } from '../../http/audit.ts';
import { operator } from '../../http/auth/operator.ts';
import type { Route } from '../../http/endpoint.ts';
import { cursor, filter } from './filter.ts';
import { hasReason, path, reasonMissing } from './shared-schemas.ts';

const at = z.iso.datetime();

const deadLetterJob = z.strictObject({
  id: z.string(),
  order: z.strictObject({
    action: z.enum(['redrive', 'discard']),
    ids: z.array(z.string()).optional(),
    filter: z.record(z.string(), z.string()).optional(),
    maximum: z.int(),
    force: z.boolean(),
    ratePerSecond: z.number(),
    reason: z.string(),
    requestedBy: z.string(),
  }),
  createdAt: at,
  updatedAt: at,
  status: z.enum(['running', 'done', 'cancelled']),
  progress: z.strictObject({
    done: z.int(),
    failed: z.int(),
    skipped: z.record(z.string(), z.int()),
    error: z.string().optional(),
  }),
  position: z.string().optional(),
  /**
   * How many dead letters the job selected when it was created. Absent if the archive contained too many dead letters
   * to count them all.
   */
  total: z.int().optional(),
  /**
   * The group of dead letters that the filter of the job names. Absent if the filter names no group, or if the group
   * had no open dead letters when the job was created.
   */
  group: z.strictObject({ queue: z.string().optional(), code: z.string(), cause: z.string() }).optional(),
});

/** The schema of the response to a dry run of a job. */
const jobDryRun = z.strictObject({
  dryRun: z.literal(true),
  /** How many of the examined dead letters the job would redrive or discard. */
  count: z.int(),
  skipped: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
  /**
   * The cursor with which the next request continues this dry run. Absent if the dry run has examined every dead
   * letter.
   */
  cursor: z.string().optional(),
});

const deadLetterJobs = z.strictObject({ jobs: z.array(deadLetterJob) });

const exampleJob: z.infer<typeof deadLetterJob> = {
  id: 'job-5f0a4c1e-0000-4000-8000-000000000002',
  order: {
    action: 'redrive',
    filter: { queue: 'invoices', code: 'ATTEMPTS_EXHAUSTED' },
    maximum: 1_000_000,
    force: false,
    ratePerSecond: 20,
    reason: 'the addresses were corrected',
    requestedBy: 'operator',
  },
  createdAt: '2026-11-22T12:00:00.000Z',
  updatedAt: '2026-11-22T12:00:09.000Z',
  status: 'running',
  progress: { done: 160, failed: 0, skipped: { 'too-old': 9 } },
  total: 212,
};

export const startJobRoute = {
  route: 'POST /dead-letters/jobs',
  summary:
    'Starts a job that redrives or discards dead letters, oldest first. The job continues in the background. With `dryRun`, only counts what the job would do.',
  access: operator('dead-letters:redrive'),
  body: z
    .strictObject({
      action: z.enum(['redrive', 'discard']),
      filter: z.strictObject(filter).optional(),
      ids: z
        .array(z.string().min(1).max(255))
        .min(1)
        .max(1_000)
        // A step of a job would publish a message twice if its id stood in the list twice.
        .transform((ids) => [...new Set(ids)])
        .optional(),
      maximum: z.int().min(1).max(1_000_000).default(1_000_000),
      force: z.boolean().default(false),
      ratePerSecond: z.number().min(0.1).max(1_000).default(50),
      dryRun: z.boolean().default(false),
      /**
       * The cursor from the response to an earlier dry run with the same filter. The new dry run starts where the
       * earlier one stopped.
       */
      cursor: cursor.optional(),
      reason: reason.optional(),
    })
    .refine(({ filter, ids }) => (filter === undefined) !== (ids === undefined), 'needs either a filter or ids')
    .refine(({ cursor, filter, dryRun }) => cursor === undefined || (dryRun && filter !== undefined), {
      path: ['cursor'],
      message: 'continues only a dry run with a filter',
    })
    .refine(hasReason, reasonMissing),
  needs: ['store'],
  answers: { 200: jobDryRun, 202: deadLetterJob },
  example: {
    body: {
      action: 'redrive',
      filter: { queue: 'invoices', code: 'ATTEMPTS_EXHAUSTED' },
      ratePerSecond: 20,
      reason: 'the addresses were corrected',
    },
    answer: exampleJob,
  },
} satisfies Route;

export const jobsRoute = {
  route: 'GET /dead-letters/jobs',
  summary: 'Lists the newest jobs, and older jobs that are still running, newest first.',
  access: operator('dead-letters:read'),
  needs: ['store'],
  answers: { 200: deadLetterJobs },
  example: { answer: { jobs: [exampleJob] } },
} satisfies Route;

export const changeJobRoute = {
  route: 'POST /dead-letters/jobs/{id}',
  summary: 'Cancels a job, or works on it until it ends or the request has to be answered. Returns the job.',
  access: operator('dead-letters:redrive'),
  path,
  body: z.strictObject({ action: z.enum(['continue', 'cancel']) }),
  needs: ['store', 'broker'],
  answers: { 200: deadLetterJob },
  problems: ['not-found'],
  example: { body: { action: 'continue' }, answer: exampleJob },
} satisfies Route;
