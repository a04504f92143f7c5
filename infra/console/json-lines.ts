/** One line of formatted JSON, with the JSON pointer of the value that begins on the line. */
export interface JsonLine {
  readonly depth: number;
  readonly text: string;
  /**
   * The JSON pointer (RFC 6901) of the value that begins on the line. Absent if the line only closes an object or a
   * list.
   */
  readonly pointer?: string;
}

/** A number that JavaScript cannot represent exactly, for example an integer above 2^53. */
class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * Formats JSON with indentation, and returns at most the first `maximum` lines. Returns `undefined` if the text is not
 * JSON.
 */
export function jsonLines(text: string, maximum: number): { lines: JsonLine[]; isCut: boolean } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text, exact);
  } catch {
    return undefined;
  }
  const lines: JsonLine[] = [];
  const isComplete = write(lines, maximum, value, { depth: 0, pointer: '', before: '', after: '' });
  return { lines, isCut: !isComplete };
}

const exact = (_key: string, value: unknown, context?: { readonly source?: string }) =>
  typeof value === 'number' && context?.source !== undefined && context.source !== String(value)
    ? new ExactNumber(context.source)
    : value;

interface Place {
  readonly depth: number;
  readonly pointer: string;
  readonly before: string;
  readonly after: string;
}

function write(lines: JsonLine[], maximum: number, value: unknown, { depth, pointer, before, after }: Place): boolean {
  if (lines.length >= maximum) return false;
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) {
    const text = value instanceof ExactNumber ? value.text : JSON.stringify(value);
    lines.push({ depth, text: `${before}${text}${after}`, pointer });
    return true;
  }
  const isList = Array.isArray(value);
  const members = Object.entries(value);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  if (members.length === 0) {
    lines.push({ depth, text: `${before}${open}${close}${after}`, pointer });
    return true;
  }
  lines.push({ depth, text: `${before}${open}`, pointer });
  for (const [index, [name, member]] of members.entries()) {
    const isWritten = write(lines, maximum, member, {
      depth: depth + 1,
      pointer: `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      before: isList ? '' : `${JSON.stringify(name)}: `,
      after: index < members.length - 1 ? ',' : '',
    });
    if (!isWritten) return false;
  }
  if (lines.length >= maximum) return false;
  lines.push({ depth, text: `${close}${after}` });
  return true;
}

const MAX_FORMATTED_LINES = 20_000;

/**
 * Formats JSON with an indent of two spaces. Returns `undefined` if the text is not JSON, or if the formatted JSON
 * would be too long.
 */
export function formatted(text: string): string | undefined {
  const json = jsonLines(text, MAX_FORMATTED_LINES);
  if (!json || json.isCut) return undefined;
  return json.lines.map(({ depth, text }) => '  '.repeat(depth) + text).join('\n');
}

/**
 * A reason why the body of a message does not match its schema: the JSON pointer of the invalid value, and a
 * description.
 */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/**
 * Parses the reason of a dead letter into its schema violations, for example `/items/0/quantity: too small; /name:
 * missing`.
 */
export function faultsOf(reason: string): Fault[] {
  return reason.split(/; (?=\/)/).flatMap((part) => {
    const [, pointer, detail] = /^(?:[A-Z_]+: )?(\/[^:;]*): (.*)$/s.exec(part) ?? [];
    // The root of the body is written as "/" in reasons, but its pointer is empty.
    return pointer === undefined || detail === undefined ? [] : [{ pointer: pointer === '/' ? '' : pointer, detail }];
  });
}

/**
 * Returns the schema violations in a message body, by the index of the line on which the invalid value begins. If a
 * field is missing, its violation has the line on which the parent object begins.
 */
export function faultsByLine(lines: readonly JsonLine[], faults: readonly Fault[]): Map<number, Fault[]> {
  const indexes = new Map(lines.flatMap(({ pointer }, index) => (pointer === undefined ? [] : [[pointer, index]])));
  const found = new Map<number, Fault[]>();
  for (const fault of faults) {
    let pointer = fault.pointer;
    while (!indexes.has(pointer) && pointer !== '') pointer = pointer.slice(0, pointer.lastIndexOf('/'));
    const index = indexes.get(pointer) ?? 0;
    found.set(index, [...(found.get(index) ?? []), fault]);
  }
  return found;
}
