import { createDeadLetterClient, type DeadLetter, type DeadLetterClient, type Filter } from '../client/dead-letters.ts';
import { serviceUrl } from '../client/service-client.ts';
import { say } from '../runtime/command-line.ts';
import { counted, defineCommand, print, UsageError } from './command.ts';

const STATUSES = ['open', 'redriven', 'discarded', 'all'];

const SHOWN = 120;

interface Options {
  readonly queue?: string;
  readonly code?: string;
  readonly type?: string;
  readonly reason?: string;
  readonly since?: string;
  readonly until?: string;
  readonly status?: string;
  readonly all?: boolean;
  readonly because?: string;
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
    requireNoIds('list', ids);
    let count = 0;
    for await (const deadLetter of client.list(filterOf(options))) {
      print(lineOf(deadLetter));
      count += 1;
    }
    say(counted(count, 'dead letter'));
    return 0;
  },

  async group({ client, ids, options }) {
    requireNoIds('group', ids);
    const groups = new Map<string, { first: DeadLetter; last: DeadLetter; count: number }>();
    for await (const deadLetter of client.list(filterOf(options))) {
      const key = JSON.stringify([deadLetter.queue, deadLetter.code, deadLetter.reason]);
      const known = groups.get(key);
      // The newest dead letters come first.
      groups.set(key, { last: known?.last ?? deadLetter, first: deadLetter, count: (known?.count ?? 0) + 1 });
    }
    for (const { first, last, count } of [...groups.values()].toSorted((one, other) => other.count - one.count))
      print(
        [String(count).padStart(6), last.queue ?? '?', last.code, shorten(last.reason)].join('  ') +
          `\n        ${first.deadLetteredAt} to ${last.deadLetteredAt}, newest ${last.id}`,
      );
    say(counted(groups.size, 'group'));
    return 0;
  },

  async show({ client, ids }) {
    if (ids.length !== 1) throw new UsageError('show needs the id of one dead letter, and no other arguments');
    print(JSON.stringify(await client.show(ids[0]!), undefined, 2));
    return 0;
  },

  redrive: ({ client, ids, options }) =>
    change('redrive', 'redriven', { client, ids, options }, (id) =>
      client.redrive(id, { force: options.force ?? false, reason: options.because }),
    ),

  async discard({ client, ids, options }) {
    const { because } = options;
    if (because === undefined && !options['dry-run'])
      throw new UsageError('discard needs --because: the archive keeps the reason with each discarded dead letter');
    return change('discard', 'discarded', { client, ids, options }, (id) => client.discard(id, because!));
  },
};

export const deadLetters = defineCommand({
  usage: [
    'list    [FILTER]',
    'group   [FILTER]',
    'show ID',
    'redrive ID… | FILTER | --all  [--because TEXT] [--force] [--dry-run]',
    'discard ID… | FILTER | --all   --because TEXT [--dry-run]',
  ],
  summary: 'lists, groups, shows, redrives or discards the dead letters of the service',
  details: [
    `  list     lists the open dead letters, newest first
  group    counts the open dead letters by queue, code and reason
  show     prints one dead letter with its message and its history
  redrive  publishes the open dead letters again to the queues that they come from
  discard  marks the open dead letters as discarded; the archive keeps them until the retention ends`,
    'FILTER is one or more of --queue, --code, --type, --reason, --since and --until. The command reads all pages of the archive.',
    'For a deployed service, pass --url, and set SUREHOP_TOKEN to an operator\'s token with the scopes "dead-letters:read dead-letters:redrive".',
  ],
  options: {
    queue: { type: 'string', value: 'QUEUE', meaning: 'the queue whose consumer failed' },
    code: { type: 'string', value: 'CODE', meaning: 'the error code, such as ATTEMPTS_EXHAUSTED' },
    type: { type: 'string', value: 'TYPE', meaning: 'the type of the event, such as order.created' },
    reason: { type: 'string', value: 'TEXT', meaning: 'a text that the reason contains' },
    since: {
      type: 'string',
      value: 'TIME',
      meaning: 'dead-lettered at or after this time: 30m, 2h, 7d, or an ISO time',
    },
    until: { type: 'string', value: 'TIME', meaning: 'dead-lettered at or before this time' },
    status: { type: 'string', value: 'STATUS', meaning: `for list and group: ${STATUSES.join(', ')}; open by default` },
    all: { type: 'boolean', meaning: 'for redrive and discard: all open dead letters' },
    because: { type: 'string', value: 'TEXT', meaning: 'why the dead letters are redriven or discarded' },
    force: { type: 'boolean', meaning: 'redrives even dead letters that the service would refuse, such as old ones' },
    'dry-run': { type: 'boolean', meaning: 'lists what would be redriven or discarded, and changes nothing' },
    url: { type: 'string', value: 'URL', meaning: 'the address of the service; that of npm start by default' },
  },
  needs: 'project',
  async run({ words: [name = '', ...ids], options: { url, ...options } }) {
    const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
    if (subcommand === undefined) throw new UsageError(`expected one of ${Object.keys(subcommands).join(', ')}`);
    return subcommand({ client: await createDeadLetterClient(serviceUrl(url)), ids, options });
  },
});

/** Redrives or discards the selected dead letters one after another. Returns 1 if the service refused one of them. */
async function change(
  verb: string,
  done: string,
  { client, ids, options }: Request,
  apply: (id: string) => Promise<string | undefined>,
): Promise<number> {
  if (options.status !== undefined) throw new UsageError(`${verb} changes only open dead letters: leave out --status`);
  const filter = filterOf(options);
  const isFiltered = Object.entries(filter).some(([field, value]) => field !== 'status' && value !== undefined);
  if ([ids.length > 0, isFiltered, options.all === true].filter(Boolean).length !== 1)
    throw new UsageError(`${verb} needs ids, or a filter, or --all, and only one of the three`);
  // All pages are read before the first change, because a change moves the later dead letters to other pages.
  const selected: (readonly [id: string, line: string])[] = ids.map((id) => [id, id]);
  if (ids.length === 0)
    for await (const deadLetter of client.list(filter)) selected.push([deadLetter.id, lineOf(deadLetter)]);
  if (options['dry-run']) {
    for (const [, line] of selected) print(line);
    say(`${counted(selected.length, 'dead letter')} would be ${done}; nothing was changed`);
    return 0;
  }
  let refused = 0;
  for (const [id] of selected.toReversed()) {
    const refusal = await apply(id);
    if (refusal !== undefined) refused += 1;
    print(refusal === undefined ? `${done} ${id}` : `not ${done} ${id}: ${refusal}`);
  }
  say(`${counted(selected.length - refused, 'dead letter')} ${done}${refused > 0 ? `, ${refused} not ${done}` : ''}`);
  return refused > 0 ? 1 : 0;
}

function filterOf({ queue, code, type, reason, since, until, status = 'open' }: Options): Filter {
  if (!STATUSES.includes(status)) throw new UsageError(`--status is "${status}": use one of ${STATUSES.join(', ')}`);
  return {
    queue,
    code,
    type,
    reason,
    status: status === 'all' ? undefined : status,
    sinceMs: timeOf('--since', since),
    untilMs: timeOf('--until', until),
  };
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Returns a time in ms since the epoch. A time such as `2h` means two hours ago. */
function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time = unit === undefined ? Date.parse(text) : Date.now() - Number(count) * UNITS_MS[unit]!;
  if (Number.isNaN(time))
    throw new UsageError(`${option} is "${text}": use 30m, 2h, 7d, or a time such as 2026-11-22T12:00:00Z`);
  return time;
}

function requireNoIds(name: string, ids: readonly string[]): void {
  if (ids.length > 0)
    throw new UsageError(`${name} takes no ids: to print one dead letter, run surehop dead-letters show ID`);
}

const lineOf = ({ id, deadLetteredAt, queue = '?', code, type = '?', status, attempt, reason }: DeadLetter): string =>
  [deadLetteredAt, id, queue, type, code, status, `attempt ${attempt}`, shorten(reason)].join('  ');

const shorten = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= SHOWN ? line : `${line.slice(0, SHOWN - 1)}…`;
};
