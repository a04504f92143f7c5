import { defineSettings, SettingsError, url, wholeNumber, word } from '../runtime/settings.ts';

/** The settings for the connection to the broker: the AMQP URI or the endpoint, the login, and the time limits. */
export const brokerSettings = defineSettings({
  AMQP_URL: url(/^amqps?$/, {
    description: 'broker with its login, for environments without a secret store',
    must: 'a URL like amqp://user:password@host:5672/vhost',
    example: 'amqp://guest:guest@127.0.0.1:5672',
  }),
  BROKER_ENDPOINT: url(/^amqps?$/, {
    description: 'broker without its login',
    must: 'a URL like amqps://host:5671',
    example: 'amqps://b-1234.mq.eu-central-1.on.aws:5671',
  }),
  BROKER_SECRET_ARN: word({
    description: 'Secrets Manager secret with the username and password for the broker',
    example: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:login-a1b2c3',
  }),
  MANAGEMENT_URL: url(/^https?$/, {
    description: "the broker's management API",
    must: 'a URL like http://user:password@host:15672',
    example: 'http://guest:guest@127.0.0.1:15672',
  }),
  PUBLISH_DEADLINE_MS: wholeNumber('how long a publish waits for its confirm, in ms', 5_000, 100, 25_000),
  HEARTBEAT_SECONDS: wholeNumber('seconds between AMQP heartbeats', 10, 1, 60),
});

export type BrokerSettings = NonNullable<(typeof brokerSettings)['type']>;

/**
 * Returns the broker's settings, for code that cannot work without a broker. Throws a `SettingsError` if no broker is
 * configured.
 */
export function requireBroker<S extends Pick<BrokerSettings, 'AMQP_URL' | 'BROKER_ENDPOINT' | 'BROKER_SECRET_ARN'>>(
  settings: S,
): S {
  const { AMQP_URL, BROKER_ENDPOINT, BROKER_SECRET_ARN } = settings;
  if (AMQP_URL || (BROKER_ENDPOINT && BROKER_SECRET_ARN)) return settings;
  throw new SettingsError(
    'missing setting: the address of the broker is not set; set AMQP_URL, or BROKER_ENDPOINT together with BROKER_SECRET_ARN, for example AMQP_URL=amqp://guest:guest@127.0.0.1:5672',
  );
}
