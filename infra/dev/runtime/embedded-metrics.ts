import { readFileSync } from 'node:fs';

/** Returns the sum of each named metric's values in a log file of the service, from the byte `fromByte` on. */
export function sumMetrics<Name extends string>(
  logFile: string,
  names: readonly Name[],
  fromByte = 0,
): Record<Name, number> {
  const bytes = readFileSync(logFile);
  // A restarted service begins a new log file, which is then shorter than `fromByte`.
  const text = bytes.subarray(bytes.length < fromByte ? 0 : fromByte).toString();
  const sums = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  for (const line of text.split('\n')) {
    if (!line.includes('"_aws"')) continue;
    const values = valuesOf(line);
    for (const name of names) if (typeof values[name] === 'number') sums[name] += values[name];
  }
  return sums;
}

function valuesOf(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>;
  } catch {
    // The last line of the log can be incomplete if its process was killed.
    return {};
  }
}
