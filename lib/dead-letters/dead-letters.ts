import type { Context } from 'aws-lambda';
import type * as z from 'zod';

import type { RabbitMqEvent } from '../message/delivery.ts';
import { ok, type Answer } from '../http/answer.ts';
import { audited } from '../http/audit.ts';
import { Problem } from '../http/problem.ts';
import type { Request } from '../http/request.ts';
import { errorCount } from '../http/validate.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import { withSourcePositions } from '../runtime/stack.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { brokerSettings, requireBroker } from '../rabbitmq/settings.ts';
import { summaryOf } from './answers.ts';
import { archiveBatch, type ArchiveReport } from './archive.ts';
import { continueRunningJobs } from './continue-jobs.ts';
import { discardDeadLetter } from './discard.ts';
import { dryRun } from './dry-run.ts';
import { createKnownValues } from './known-values.ts';
import { listDeadLetters, writeCursor } from './list.ts';
import { listGroups } from './list-groups.ts';
import { archiveTable } from '../archive/record.ts';
import { publishPending } from './publish-edited.ts';
import { readForRedrive, redriveOne, redrivingOf } from './redrive.ts';
import { cancelJob, createJob, listJobs, readJob } from './job-requests.ts';
import { scopeOf } from './job-scope.ts';
import { redriveMany } from './redrive-many.ts';
import { runJob } from './run-job.ts';
import type { discardRoute, redriveManyRoute, redriveRoute } from './routes/change.ts';
import type { changeJobRoute, startJobRoute } from './routes/jobs.ts';
import type { groupsRoute, listRoute } from './routes/read.ts';

/** How many of the newest jobs `GET /dead-letters/jobs` lists. Older jobs are listed only while they are running. */
const LISTED_JOBS = 50;

type PathWithId = { readonly id: string };

/**
 * The functions that archive, list, redrive and discard dead letters. Most of them handle the HTTP requests of one
 * route: for example, `redrive` handles the requests of `redriveRoute`.
 */
export interface DeadLetters {
  /**
   * Stores a batch of messages from the dead-letter queue in the archive. Throws an error if a message cannot be
   * stored.
   */
  archive(event: RabbitMqEvent): Promise<ArchiveReport>;
  list(request: { readonly query: z.infer<typeof listRoute.query> }): Promise<Answer>;
  groups(request: { readonly query: z.infer<typeof groupsRoute.query> }): Promise<Answer>;
  redrive(request: Request<z.infer<typeof redriveRoute.body>, PathWithId>): Promise<Answer>;
  redriveMany(request: Request<z.infer<typeof redriveManyRoute.body>>): Promise<Answer>;
  discard(request: Request<z.infer<typeof discardRoute.body>, PathWithId>): Promise<Answer>;
  startJob(request: Request<z.infer<typeof startJobRoute.body>>): Promise<Answer>;
  jobs(): Promise<Answer>;
  changeJob(request: Request<z.infer<typeof changeJobRoute.body>, PathWithId>): Promise<Answer>;
  /**
   * Creates the scheduled handler that publishes edited messages which were stored but not yet published, and that
   * continues jobs on which no process is working. The handler throws an error if it cannot publish a message or if a
   * job fails. Throws a `SettingsError` if a setting of the broker is missing or invalid.
   */
  continueJobs(): (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>) => Promise<void>;
}

/**
 * Creates the functions that archive, list, redrive and discard the dead letters of the queues in `workQueues`. To show
 * or edit one dead letter, use `getDeadLetter` and `editDeadLetter`. These two need the schemas of all events, which
 * would otherwise be part of the bundle of each function that uses `createDeadLetters`.
 */
export function createDeadLetters(surehop: Surehop, workQueues: Readonly<Record<string, WorkQueue>>): DeadLetters {
  const { clock, tracing } = surehop;
  const queues = Object.values(workQueues);
  const table = archiveTable(surehop);
  const knownValues = createKnownValues(table, queues);
  const redriving = redrivingOf(surehop, queues);

  async function checkFilter(filter: { readonly queue?: string; readonly code?: string }): Promise<void> {
    const unknown = await knownValues.errorsIn(filter);
    const errors = unknown.map(({ field, detail }) => ({ pointer: `/filter/${field}`, detail }));
    if (errors.length > 0)
      throw new Problem('invalid-body', errorCount(errors.length, 'the body'), { members: { errors } });
  }

  async function checkQuery(filter: { readonly queue?: string; readonly code?: string }): Promise<void> {
    const unknown = await knownValues.errorsIn(filter);
    const errors = unknown.map(({ field, detail }) => ({ in: 'query', parameter: field, detail }));
    if (errors.length > 0)
      throw new Problem('invalid-parameters', errorCount(errors.length, 'the query'), { members: { errors } });
  }

  return {
    archive: (event) => withSourcePositions(() => archiveBatch({ table, queues, knownValues, clock, tracing }, event)),

    async list({ query: { limit, cursor, ...filter } }) {
      await checkQuery(filter);
      const { deadLetters, after } = await listDeadLetters(table, filter, { limit, after: cursor });
      return ok({ deadLetters: deadLetters.map(summaryOf), cursor: after && writeCursor(after) });
    },

    async groups({ query }) {
      await checkQuery(query);
      return ok(await listGroups(table, query, clock.now()));
    },

    async redrive(request) {
      const { id } = request.path;
      const { force, reason } = request.body;
      request.note({ deadLetterId: id });
      const item = await readForRedrive(redriving, id, force);
      const { queue, messageId } = item.deadLetter;
      request.note({ messageId });
      await audited(request, { subject: `dead-letters/${id}`, requested: { force }, reason }, () =>
        redriveOne(redriving, item, { force, by: request.client, reason }),
      );
      return ok({ id, status: 'redriven', queue, messageId });
    },

    async redriveMany(request) {
      const { filter, maximum, force, reason } = request.body;
      await checkFilter(filter);
      const options = { maximum, force, by: request.client, reason, remainingMs: request.remainingMs };
      const change = { subject: 'dead-letters', requested: { filter, maximum, force }, reason };
      const report = await audited(request, change, () => redriveMany(redriving, filter, options));
      const { redriven, skipped, failed, unwritable, more } = report;
      request.note({ redriven, skipped: skipped.length, failed: failed.length, unwritable: unwritable.length, more });
      return ok(report);
    },

    async discard(request) {
      const { id } = request.path;
      const { reason } = request.body;
      request.note({ deadLetterId: id });
      await audited(request, { subject: `dead-letters/${id}`, reason }, () =>
        discardDeadLetter({ table, clock }, id, { reason, by: request.client }),
      );
      return ok({ id, status: 'discarded', discardReason: reason });
    },

    async startJob(request) {
      const { filter, dryRun: isDryRun, cursor, reason = '', ...wanted } = request.body;
      await checkFilter(filter ?? {});
      const order = { ...wanted, filter, reason, requestedBy: request.client };
      if (isDryRun) {
        const { count, skipped, position } = await dryRun(redriving, order, cursor, request);
        request.note({ dryRun: isDryRun, count, skipped: skipped.length });
        return ok({ dryRun: isDryRun, count, skipped, cursor: position && writeCursor(position) });
      }
      const id = `job-${request.id}`;
      request.note({ jobId: id });
      const change = { subject: 'dead-letters', requested: { jobId: id, ...order }, reason };
      const scope = await scopeOf(table, order, clock.now());
      const job = await audited(request, change, () => createJob(table, id, order, clock.now(), scope));
      return { status: 202, body: job };
    },

    jobs: async () => ok({ jobs: await listJobs(table, LISTED_JOBS) }),

    async changeJob(request) {
      const { id } = request.path;
      const { action } = request.body;
      request.note({ jobId: id, action });
      if (action === 'continue')
        return ok((await runJob(redriving, id, request.remainingMs)) ?? (await readJob(table, id)));
      return ok(
        await audited(request, { subject: `dead-letters/jobs/${id}` }, () => cancelJob(table, id, clock.now())),
      );
    },

    continueJobs() {
      requireBroker(surehop.settings(brokerSettings));
      return async (_event, context) => {
        const remainingMs = () => context.getRemainingTimeInMillis();
        const pending = await publishPending(redriving, remainingMs);
        const failed = await continueRunningJobs(redriving, remainingMs);
        const errors: string[] = [];
        if (pending > 0)
          errors.push(
            `${pending} edited messages cannot be published yet: search the log for "publishing an edited message failed"`,
          );
        if (failed > 0)
          errors.push(
            `${failed} of the jobs that redrive or discard dead letters failed: search the log for "a redrive or discard job failed"`,
          );
        if (errors.length > 0) throw new Error(errors.join('; '));
      };
    },
  };
}
