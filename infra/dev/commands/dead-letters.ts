import {
  createDeadLetterClient,
  RefusedError,
  type Action,
  type DeadLetter,
  type DeadLetterClient,
  type Selection,
} from '../client/dead-letters.ts';
import { followJob, progressOf } from '../client/follow-job.ts';
import { serviceUrl } from '../client/service-client.ts';
import { say } from '../runtime/command-line.ts';
import { filterOf, STATUSES, statusOf, type FilterOptions } from './dead-letter-filter.ts';
import { counted, defineCommand, print, UsageError } from './command.ts';
import { editDeadLetter } from './edit-dead-letter.ts';

const SHOWN = 120;

/**
 * The maximum number of dead letters that `surehop dead-letters` redrives or discards one by one. For more dead
 * letters, the service runs a job.
 */
const FEW = 10;

interface Options extends FilterOptions {
  readonly all?: boolean;
  readonly because?: string;
  readonly rate?: string;
  readonly force?: boolean;
  readonly 'dry-run'?: boolean;
}

interface Request {
  readonly client: DeadLetterClient;
  readonly ids: readonly string[];
  readonly options: Options;
}

const subcommands: Readonly<Record<string, (request: Request) => Promise<number>>> = {
  async list({ client, ids, options }) {
    requireIds('list', ids, 0);
    let count = 0;
    for await (const deadLetter of client.list({ ...filterOf(options), status: statusOf(options) })) {
      print(lineOf(deadLetter));
      count += 1;
    }
    say(counted(count, 'dead letter'));
    return 0;
  },

  async group({ client, ids, options }) {
    requireIds('group', ids, 0);
    const statuses = STATUSES.slice(0, -1).join(', ');
    if (options.status === 'all')
      throw new UsageError(
        `--status is "all", but must be one of ${statuses} for the command "surehop dead-letters group"`,
      );
    const { groups, isIncomplete } = await client.groups({ ...filterOf(options), status: options.status });
    for (const { group, queue = '?', code, cause, count, redrivenBefore, firstAt, lastAt } of groups)
      print(
        `${String(count).padStart(6)}  ${queue}  ${code}  ${shorten(cause)}\n        --group ${group}, ${firstAt} to ${lastAt}${redrivenBefore > 0 ? `, ${redrivenBefore} redriven before` : ''}`,
      );
    say(counted(groups.length, 'group'));
    if (isIncomplete)
      say(
        'these counts are incomplete, because there are too many dead letters: pass --from to count a shorter period',
      );
    return 0;
  },

  async show({ client, ids }) {
    requireIds('show', ids, 1);
    print(JSON.stringify(await client.show(ids[0]!), undefined, 2));
    return 0;
  },

  redrive: (request) => change('redrive', request),
  discard: (request) => change('discard', request),

  async jobs({ client, ids }) {
    requireIds('jobs', ids, 0);
    for (const job of await client.jobs()) print(`${job.createdAt}  ${progressOf(job)}`);
    return 0;
  },

  watch({ client, ids }) {
    requireIds('watch', ids, 1);
    return followJob(client, ids[0]!);
  },

  async cancel({ client, ids }) {
    requireIds('cancel', ids, 1);
    say(progressOf(await client.cancelJob(ids[0]!)));
    return 0;
  },
};

export const command = defineCommand({
  usage: [
    'list    [FILTER]',
    'group   [FILTER]',
    'show ID',
    'redrive ID… | FILTER | --all  --because TEXT [--rate N] [--force] [--dry-run]',
    'discard ID… | FILTER | --all  --because TEXT [--rate N] [--dry-run]',
    'edit ID BODY | @FILE          --because TEXT [--type TYPE] [--force] [--dry-run]',
    'jobs',
    'watch JOB',
    'cancel JOB',
  ],
  details: [
    `  list     lists the open dead letters, newest first
  group    counts the open dead letters by queue, code and cause
  show     prints one dead letter with its message and its history
  redrive  publishes the open dead letters again to the queues that they come from
  discard  marks the open dead letters as discarded; the archive keeps them until the retention ends
  edit     sends a message with another body in place of a dead letter; --dry-run only checks the body against its schema
  jobs     lists the latest jobs
  watch    shows the progress of a job until the job ends
  cancel   cancels a job; what the job has done stays done`,
    `FILTER is one or more of --queue, --code, --type, --group, --client, --text, --from and --to. With a filter, --all or more than ${FEW} ids, redrive and discard start a job of the service. Ctrl-C ends the command, and the service continues the job.`,
    'For a deployed service, pass --url, and set SUREHOP_TOKEN to an operator\'s token with the scopes "dead-letters:read dead-letters:redrive", and "dead-letters:edit" for edit.',
  ],
  options: {
    queue: { type: 'string', value: 'QUEUE', meaning: 'the queue whose consumer failed' },
    code: { type: 'string', value: 'CODE', meaning: 'the error code, such as ATTEMPTS_EXHAUSTED' },
    type: {
      type: 'string',
      value: 'TYPE',
      meaning: 'the type of the event, such as order.created; for edit, its new type',
    },
    group: { type: 'string', value: 'GROUP', meaning: 'the id of a group, as the subcommand group prints it' },
    client: { type: 'string', value: 'CLIENT', meaning: 'the program that published the message (app-id)' },
    text: {
      type: 'string',
      value: 'TEXT',
      meaning: 'a part of the reason, or an id: of the dead letter, its message id or its correlation id',
    },
    from: {
      type: 'string',
      value: 'TIME',
      meaning: 'dead-lettered at or after this time: 30m, 2h, 7d, or an ISO time',
    },
    to: { type: 'string', value: 'TIME', meaning: 'dead-lettered before this time' },
    status: { type: 'string', value: 'STATUS', meaning: `for list and group: ${STATUSES.join(', ')}; open by default` },
    all: { type: 'boolean', meaning: 'for redrive and discard: all open dead letters' },
    because: { type: 'string', value: 'TEXT', meaning: 'why the dead letters are redriven, discarded or edited' },
    rate: {
      type: 'string',
      value: 'N',
      meaning: 'how many dead letters a job redrives or discards per second; 50 by default',
    },
    force: { type: 'boolean', meaning: 'redrives even dead letters that the service would refuse, such as old ones' },
    'dry-run': {
      type: 'boolean',
      meaning: 'counts what would be redriven or discarded, prints what would be skipped, and changes nothing',
    },
    url: { type: 'string', value: 'URL', meaning: 'the address of the service; that of npm start by default' },
  },
  needs: 'project',
  async run({ words: [name = '', ...ids], options: { url, ...options } }) {
    if (name === 'edit') return editDeadLetter(serviceUrl(url), ids, options);
    const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
    const subcommandNames = ['edit', ...Object.keys(subcommands)].join(', ');
    if (subcommand === undefined)
      throw new UsageError(`surehop dead-letters needs a subcommand: one of ${subcommandNames}`);
    return subcommand({ client: await createDeadLetterClient(serviceUrl(url)), ids, options });
  },
});

async function change(action: Action, { client, ids, options }: Request): Promise<number> {
  const { status, all = false, because, force, rate } = options;
  if (status !== undefined)
    throw new UsageError(`surehop dead-letters ${action} changes only open dead letters: leave out --status`);
  const filter = filterOf(options);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  if ([ids.length > 0, isFiltered, all].filter(Boolean).length !== 1)
    throw new UsageError(`surehop dead-letters ${action} needs exactly one of the following: ids, a filter, or --all`);
  const selection = { action, ...(ids.length > 0 ? { ids } : { filter }), force };
  if (options['dry-run']) return dryRun(client, selection);
  if (because === undefined)
    throw new UsageError(
      `surehop dead-letters ${action} needs --because with a reason, which the archive keeps with each dead letter`,
    );
  if (ids.length > 0 && ids.length <= FEW) return changeFew(action, { client, ids }, { force, reason: because });
  const { id } = await client.startJob({ ...selection, ratePerSecond: rateOf(rate), reason: because });
  return followJob(client, id);
}

/** Redrives or discards dead letters one after another. Returns exit code 1 if the service refused one of them. */
async function changeFew(
  action: Action,
  { client, ids }: Pick<Request, 'client' | 'ids'>,
  options: { readonly force?: boolean; readonly reason: string },
): Promise<number> {
  let refused = 0;
  for (const id of ids) {
    const refusal = await client.change(action, id, options).catch((error: unknown) => {
      if (error instanceof RefusedError) return error.message;
      throw error;
    });
    if (refusal !== undefined) refused += 1;
    print(refusal ?? `${id}: ${action === 'redrive' ? 'redriven' : 'discarded'}`);
  }
  return refused > 0 ? 1 : 0;
}

async function dryRun(client: DeadLetterClient, selection: Selection): Promise<number> {
  let count = 0;
  for await (const page of client.dryRun(selection)) {
    count += page.count;
    for (const { id, reason } of page.skipped) print(`${id}  would be skipped: ${reason}`);
  }
  const verb = selection.action === 'redrive' ? 'redriven' : 'discarded';
  say(`${counted(count, 'dead letter')} would be ${verb}; nothing was changed`);
  return 0;
}

function rateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rate = Number(text);
  if (!(rate >= 0.1 && rate <= 1_000))
    throw new UsageError(`--rate is "${text}": use a number of dead letters per second from 0.1 to 1000`);
  return rate;
}

function requireIds(name: string, ids: readonly string[], count: 0 | 1): void {
  const allowedIds = count === 0 ? 'no id' : 'exactly one id';
  if (ids.length !== count)
    throw new UsageError(`surehop dead-letters ${name} expects ${allowedIds}, but got ${ids.length}`);
}

const lineOf = ({ id, deadLetteredAt, queue = '?', code, type = '?', status, attempt, reason }: DeadLetter): string =>
  [deadLetteredAt, id, queue, type, code, status, `attempt ${attempt}`, shorten(reason)].join('  ');

const shorten = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= SHOWN ? line : `${line.slice(0, SHOWN - 1)}…`;
};
