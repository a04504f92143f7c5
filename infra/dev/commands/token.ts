import { LOCAL_SCOPE } from '../console/guard.ts';
import { localDirectory } from '../runtime/directories.ts';
import { issueToken } from '../runtime/issuer.ts';
import { defineCommand, print, UsageError } from './command.ts';

export const command = defineCommand({
  usage: ['--scope "status:read dead-letters:read" [--subject NAME]'],
  options: {
    scope: {
      type: 'string',
      multiple: true,
      value: 'SCOPES',
      meaning: 'what the token permits; infra/service.ts defines scopes in addition to those of Surehop',
    },
    subject: { type: 'string', value: 'NAME', meaning: 'the name of the operator; "developer" by default' },
  },
  needs: 'definitions',
  async run({ words, options: { scope = [], subject } }) {
    const { scopes } = await import('serverless-surehop/definitions');
    const wanted = [...words, ...scope].flatMap((given) => given.split(/[\s,]+/)).filter(Boolean);
    const all = [...Object.keys(scopes), LOCAL_SCOPE];
    const knownScopes = all.join(', ');
    if (wanted.length === 0) throw new UsageError(`--scope is missing; the scopes are ${knownScopes}`);
    const unknown = wanted.filter((name) => !all.includes(name)).join('", "');
    if (unknown !== '') throw new UsageError(`unknown scope "${unknown}"; the scopes are ${knownScopes}`);
    print(await issueToken(localDirectory, wanted, { subject }));
    return 0;
  },
});
