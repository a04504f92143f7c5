const ID_NAMES = /(^|_)id$|Id$/;
const SHOWN = new Set([
  'code',
  'queue',
  'outcome',
  'status',
  'statusCode',
  'records',
  'durationMs',
  'attempt',
  'delayMs',
]);

/** Whether a line of the service's output is a metric in CloudWatch's embedded format. */
export function isMetricLine(line: string): boolean {
  return line.startsWith('{') && line.includes('"_aws"');
}

/** A JSON log line as a person reads it: time, level, function, message, ids. Undefined where it is no JSON log line. */
export function compactLogLine(line: string): string | undefined {
  const entry = parse(line);
  if (entry === undefined || typeof entry['message'] !== 'string') return undefined;
  const text = (name: string) => (typeof entry[name] === 'string' ? entry[name] : undefined);
  const time = text('timestamp')?.match(/\d\d:\d\d:\d\d(\.\d+)?/)?.[0];
  const from = text('function') ?? text('function_name') ?? text('functionName');
  const { error } = entry;
  const details = Object.entries(entry)
    .filter(([name, value]) => (ID_NAMES.test(name) || SHOWN.has(name)) && ['string', 'number'].includes(typeof value))
    .map(([name, value]) => `${name}=${String(value)}`);
  const reason =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : text('error');
  return [time, text('level'), from, entry['message'], ...details, reason === undefined ? undefined : `(${reason})`]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
