const ID_NAMES = /(^|_)id$|Id$/;
/** The maximum number of message ids that one formatted log line shows. */
const MAX_IDS = 3;
/** The ids that a formatted log line does not show, because the message id and the trace id are enough. */
const HIDDEN = new Set(['correlationId', 'spanId']);
const SHOWN = new Set([
  'method',
  'route',
  'code',
  'reason',
  'problem',
  'queue',
  'delayQueue',
  'outcome',
  'status',
  'statusCode',
  'records',
  'messages',
  'notLogged',
  'durationMs',
  'attempt',
  'delayMs',
]);

/** Returns whether a line of the service's output contains metrics in CloudWatch's embedded metric format. */
export function isMetricLine(line: string): boolean {
  return line.startsWith('{') && line.includes('"_aws"');
}

/**
 * Formats a JSON log line for people, with time, level, function, message and ids. Returns undefined if the line is not a JSON
 * log line.
 */
export function compactLogLine(line: string): string | undefined {
  const entry = parse(line);
  if (entry === undefined || typeof entry['message'] !== 'string') return undefined;
  const text = (name: string) => (typeof entry[name] === 'string' ? entry[name] : undefined);
  const time = text('timestamp')?.match(/\d\d:\d\d:\d\d(\.\d+)?/)?.[0];
  const from = text('function') ?? text('function_name') ?? text('functionName');
  const details = Object.entries(entry).flatMap(([name, value]) => detail(name, value));
  const cause = ['error', 'detail'].map((name) => textOf(entry[name])).find((one) => one !== undefined);
  const [at] = Array.isArray(entry['frames']) ? (entry['frames'] as unknown[]) : [];
  return [
    time,
    text('level'),
    from,
    entry['message'],
    ...details,
    cause === undefined ? undefined : `(${cause})`,
    typeof at === 'string' ? `at ${at}` : undefined,
  ]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}

function detail(name: string, value: unknown): string[] {
  if (name === 'messageIds' && Array.isArray(value)) {
    const more = value.length > MAX_IDS ? ',…' : '';
    return [`messages=${value.length}`, `messageIds=${value.slice(0, MAX_IDS).join(',')}${more}`];
  }
  if (name === 'outcomes' && typeof value === 'object' && value !== null)
    return Object.entries(value).map(([outcome, count]) => `${outcome}=${String(count)}`);
  const isShown =
    ((ID_NAMES.test(name) && !HIDDEN.has(name)) || SHOWN.has(name)) && ['string', 'number'].includes(typeof value);
  return isShown ? [`${name}=${String(value)}`] : [];
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null && 'message' in value ? String(value.message) : undefined;
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
