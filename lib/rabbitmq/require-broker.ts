import { SettingsError, type Config } from '../runtime/config.ts';

/** Throws where the settings name no broker, so that a function without one fails at its start. */
export function requireBroker({ AMQP_URL, BROKER_ENDPOINT, BROKER_SECRET_ARN }: Config): void {
  if (AMQP_URL || (BROKER_ENDPOINT && BROKER_SECRET_ARN)) return;
  throw new SettingsError(
    'missing setting: no broker; set AMQP_URL, or BROKER_ENDPOINT together with BROKER_SECRET_ARN, for example AMQP_URL=amqp://guest:guest@127.0.0.1:5672',
  );
}
