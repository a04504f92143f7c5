import { randomUUID } from 'node:crypto';

import { readText } from '../client/body.ts';
import { authorization, sendRequest, serviceUrl } from '../client/service-client.ts';
import { Problem } from '../runtime/command-line.ts';
import { signedHeaders, signingSecret } from '../runtime/sign.ts';
import { defineCommand, print, UsageError } from './command.ts';

export const command = defineCommand({
  usage: [`METHOD PATH [BODY | @FILE] [--key KEY] [--scope SCOPES] [--url URL]`],
  details: [
    `For example: surehop send POST /payments '{"invoiceId": "1"}'`,
    'The request is signed with the first key of SIGNING_SECRETS or the development key. The command fails with exit code 1 if the service answers with a status of 400 or more.',
  ],
  options: {
    key: {
      type: 'string',
      value: 'KEY',
      meaning: 'the idempotency key; send a request again with the same key to repeat it; a new key by default',
    },
    scope: {
      type: 'string',
      multiple: true,
      value: 'SCOPES',
      meaning: "also sends an operator's token with these scopes, such as status:read",
    },
    url: { type: 'string', value: 'URL', meaning: 'the address of the service; that of npm start by default' },
  },
  needs: 'project',
  async run({ words: [method = '', path = '', given, ...more], options: { key = randomUUID(), scope, url } }) {
    if (!/^[A-Za-z]+$/.test(method)) throw new UsageError('surehop send needs an HTTP method such as POST');
    if (!path.startsWith('/')) throw new UsageError('surehop send needs a path that begins with /');
    const unexpected = more.join(' ');
    if (more.length > 0)
      throw new UsageError(
        `surehop send got unexpected arguments after the body: ${unexpected}; put the body in quotes`,
      );
    const body = given === undefined ? undefined : readText(given);
    const scopes = (scope ?? []).flatMap((text) => text.split(/[\s,]+/)).filter(Boolean);
    const response = await sendRequest(serviceUrl(url), {
      method: method.toUpperCase(),
      path,
      headers: {
        ...signedHeaders(body ?? '', { key, secret: signingSecret(process.env) }),
        ...(scopes.length > 0 && (await authorization(scopes))),
      },
      body,
    });
    if (response.text !== '') print(response.text);
    const { status, statusText } = response;
    if (status < 400) return 0;
    const hint = status === 401 && scopes.length === 0 ? "; if the route needs an operator's token, pass --scope" : '';
    throw new Problem(`${method.toUpperCase()} ${path} was answered with ${status} ${statusText}${hint}`);
  },
});
