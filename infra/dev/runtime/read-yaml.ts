import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** Parses a YAML file; an error is one sentence that calls it `name`. */
export function readYaml(file: string, name: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'), { merge: true });
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message.split('\n')[0]?.replace(/:$/, '')}`, { cause: error });
  }
}
