import { parseArgs } from 'node:util';

import { localDirectory } from '../runtime/directories.ts';
import { entry, Problem } from '../runtime/command-line.ts';
import { issueToken } from '../runtime/issuer.ts';

const SCOPES = ['dead-letters:read', 'dead-letters:redrive', 'stock:write', 'status:read'];

const USAGE = `npm run -s token -- --scope "status:read stock:write" [--subject ada]
  prints an operator's token for the service that npm start runs, valid for one hour; scopes: ${SCOPES.join(', ')}`;

await entry(async () => {
  const { scopes, subject } = read(process.argv.slice(2));
  process.stdout.write(`${await issueToken(localDirectory, scopes, { subject })}\n`);
  return 0;
});

function read(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { scope: { type: 'string', multiple: true }, subject: { type: 'string' } },
    });
    const scopes = (values.scope ?? []).flatMap((given) => given.split(/[\s,]+/)).filter(Boolean);
    if (scopes.length === 0) throw new Error('--scope is missing');
    const unknown = scopes.filter((scope) => !SCOPES.includes(scope));
    if (unknown.length > 0) throw new Error(`unknown scope "${unknown.join('", "')}"`);
    return { scopes, subject: values.subject };
  } catch (error) {
    throw new Problem(`${(error as Error).message}\n${USAGE}`, { exitCode: 2 });
  }
}
