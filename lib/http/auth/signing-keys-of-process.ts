import { DEVELOPMENT_STAGE } from '../../runtime/service-settings.ts';
import { SettingsError } from '../../runtime/settings.ts';
import type { Surehop } from '../../runtime/surehop.ts';
import { createSecretReader, secretsManager } from '../../runtime/secrets.ts';
import { DEVELOPMENT_CLIENT, DEVELOPMENT_SECRET } from '../development.ts';
import { signingSettings } from './settings.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';

/** The signing keys from Secrets Manager; in the development stage those of `SIGNING_SECRETS`, or only the development key. */
export const createProcessKeys = (surehop: Surehop): SigningKeys =>
  createSigningKeys(reader(surehop), { clock: surehop.clock, stage: surehop.settings(signingSettings).STAGE });

function reader({ settings, clock }: Surehop): (fresh: boolean) => Promise<string> {
  const { STAGE, SIGNING_SECRETS, SIGNING_SECRETS_ARN: arn } = settings(signingSettings);
  if (arn) {
    const readSecret = createSecretReader(secretsManager(), clock);
    return (fresh) => readSecret(arn, fresh);
  }
  if (STAGE !== DEVELOPMENT_STAGE)
    throw new SettingsError('missing setting: no signing keys; set SIGNING_SECRETS_ARN to the ARN of their secret');
  const text = SIGNING_SECRETS ?? JSON.stringify({ [DEVELOPMENT_CLIENT]: [DEVELOPMENT_SECRET] });
  return async () => text;
}
