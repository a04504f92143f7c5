import type { Config } from '../../runtime/config.ts';
import { brokerUrl } from '../login.ts';
import { managementApi, type ManagementApi, type ManagementOptions } from './management-api.ts';

/** Both ways to one virtual host of one broker. */
export interface BrokerAccess {
  readonly amqpUrl: string;
  readonly api: ManagementApi;
}

/** The broker of the settings, with the login of the settings. */
export async function brokerAccess(
  config: Config,
  limits: Pick<ManagementOptions, 'timeoutMs' | 'signal'>,
): Promise<BrokerAccess> {
  const { MANAGEMENT_URL } = config;
  if (!MANAGEMENT_URL) throw new Error('no management API: set MANAGEMENT_URL');
  return { amqpUrl: await brokerUrl(config)(false), api: managementApi({ ...config, MANAGEMENT_URL }, limits) };
}
