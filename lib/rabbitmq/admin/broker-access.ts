import type { BrokerSettings } from '../settings.ts';
import { brokerUrl } from '../login.ts';
import { managementApi, type ManagementApi, type ManagementOptions } from './management-api.ts';

/** Both ways to one virtual host of one broker. */
export interface BrokerAccess {
  readonly amqpUrl: string;
  readonly api: ManagementApi;
}

/** The broker of the settings, with the login of the settings. */
export async function brokerAccess(
  settings: BrokerSettings,
  limits: Pick<ManagementOptions, 'timeoutMs' | 'signal'>,
): Promise<BrokerAccess> {
  const { MANAGEMENT_URL } = settings;
  if (!MANAGEMENT_URL) throw new Error('no management API: set MANAGEMENT_URL');
  return { amqpUrl: await brokerUrl(settings)(false), api: managementApi({ ...settings, MANAGEMENT_URL }, limits) };
}
