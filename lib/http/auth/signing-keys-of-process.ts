import { systemClock } from '../../runtime/clock.ts';
import { config, SettingsError } from '../../runtime/config.ts';
import { createSecretReader, secretsManager } from '../../runtime/secrets.ts';
import { DEVELOPMENT_CLIENT, DEVELOPMENT_SECRET, DEVELOPMENT_STAGE } from '../development.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';

let current: SigningKeys | undefined;

/** The signing keys of this process: from Secrets Manager, on a laptop from `SIGNING_SECRETS` or the development key alone. */
export const signingKeys = (): SigningKeys =>
  (current ??= createSigningKeys(reader(), { clock: systemClock, stage: config().STAGE }));

function reader(): (fresh: boolean) => Promise<string> {
  const { STAGE, SIGNING_SECRETS, SIGNING_SECRETS_ARN: arn } = config();
  if (arn) {
    const readSecret = createSecretReader(secretsManager(), systemClock);
    return (fresh) => readSecret(arn, fresh);
  }
  if (STAGE !== DEVELOPMENT_STAGE)
    throw new SettingsError('missing setting: no signing keys; set SIGNING_SECRETS_ARN to the ARN of their secret');
  const text = SIGNING_SECRETS ?? JSON.stringify({ [DEVELOPMENT_CLIENT]: [DEVELOPMENT_SECRET] });
  return async () => text;
}
