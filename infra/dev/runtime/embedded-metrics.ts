import { readFileSync } from 'node:fs';

/** Adds up metrics of a service's log, from a byte of it on, where they stand in CloudWatch's embedded format. */
export function sumMetrics<Name extends string>(
  logFile: string,
  names: readonly Name[],
  fromByte = 0,
): Record<Name, number> {
  const bytes = readFileSync(logFile);
  // A service that was started again began a new one.
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
    // The last line of a process that was killed.
    return {};
  }
}
