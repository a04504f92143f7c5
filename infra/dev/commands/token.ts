import { parseArgs } from 'node:util';

import { scopes } from '../../aws/foundation/operators.ts';
import { localDirectory } from '../runtime/directories.ts';
import { entry, Problem } from '../runtime/command-line.ts';
import { issueToken } from '../runtime/issuer.ts';

const SCOPES = Object.keys(scopes);

const USAGE = `npm run -s token -- --scope "status:read dead-letters:read" [--subject ada]
  prints an operator's token for the service that npm start runs, valid for one hour; scopes: ${SCOPES.join(', ')}`;

await entry(async () => {
  const { wanted, subject } = read(process.argv.slice(2));
  process.stdout.write(`${await issueToken(localDirectory, wanted, { subject })}\n`);
  return 0;
});

function read(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { scope: { type: 'string', multiple: true }, subject: { type: 'string' } },
    });
    const wanted = (values.scope ?? []).flatMap((given) => given.split(/[\s,]+/)).filter(Boolean);
    if (wanted.length === 0) throw new Error('--scope is missing');
    const unknown = wanted.filter((scope) => !SCOPES.includes(scope));
    if (unknown.length > 0) throw new Error(`unknown scope "${unknown.join('", "')}"`);
    return { wanted, subject: values.subject };
  } catch (error) {
    throw new Problem(`${(error as Error).message}\n${USAGE}`, { exitCode: 2 });
  }
}
