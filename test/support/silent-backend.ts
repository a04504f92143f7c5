import { readAllSettings, type AllSettings } from '../../lib/settings.ts';
import { addressesOf, administrator } from './deployed-logins.ts';
import { aBackend, type Backend } from './backend.ts';
import { aSecretsManager, type SecretsManager } from './secrets-manager.ts';
import { aSilence, type Silence } from './silence.ts';

/**
 * A backend for tests with an HTTP proxy in front of each HTTP service that the functions call. The proxies can leave
 * requests unanswered.
 */
export interface SilentBackend {
  readonly backend: Backend;
  readonly secrets: SecretsManager;
  readonly silent: Readonly<Record<'secrets' | 'jwks' | 'management' | 'store', Silence>>;
  readonly settings: AllSettings;
  /** The ARN of the secret that contains the login of the broker's administrator. */
  readonly login: string;
  /** The ARN of the secret that contains the signing keys of the HTTP clients. */
  readonly signingKeys: string;
  answerAgain(): void;
  remove(): Promise<void>;
}

export async function aSilentBackend(shopSecret: string): Promise<SilentBackend> {
  const before = { ...process.env };
  const secrets = await aSecretsManager();
  const backend = await aBackend();
  await backend.declare();
  const { endpoint, managementUrl } = addressesOf(backend.host);
  const silent = {
    secrets: await aSilence(process.env['AWS_ENDPOINT_URL_SECRETS_MANAGER']!),
    jwks: await aSilence(process.env['JWKS_URL']!),
    management: await aSilence(managementUrl),
    store: await aSilence(process.env['DYNAMODB_ENDPOINT']!),
  };
  const login = secrets.create('administrator', administrator());
  const signingKeys = secrets.create('signing-keys', JSON.stringify({ shop: [shopSecret] }));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: silent.secrets.url,
    AMQP_URL: '',
    BROKER_ENDPOINT: endpoint,
    BROKER_SECRET_ARN: login,
    MANAGEMENT_URL: silent.management.url,
    DYNAMODB_ENDPOINT: silent.store.url,
    SIGNING_SECRETS_ARN: signingKeys,
    JWKS_URL: `${silent.jwks.url}/.well-known/jwks.json`,
  });
  // The functions of the test file keep the settings of this moment.
  await backend.surehop();
  return {
    backend,
    secrets,
    silent,
    settings: readAllSettings(process.env),
    login,
    signingKeys,
    answerAgain() {
      for (const one of Object.values(silent)) one.swallow(0);
    },
    async remove() {
      await backend.remove();
      for (const one of Object.values(silent)) await one.stop();
      await secrets.stop();
      Object.assign(process.env, before);
    },
  };
}
