import type { Broker } from './broker.ts';
import { Problem, reasonOf } from '../command-line.ts';
import { probeBroker } from './probe.ts';
import { withoutPassword } from '../settings.ts';

const DEFAULT_MANAGEMENT_PORT = 15_672;

/** The broker at AMQP_URL, after a look whether it answers; it is neither killed nor stopped. */
export async function useGivenBroker({
  amqpUrl,
  managementUrl,
}: {
  amqpUrl: string;
  managementUrl: string | undefined;
}): Promise<Broker> {
  const shown = withoutPassword(amqpUrl);
  const version = await probeBroker(amqpUrl).catch((error: unknown) => {
    throw new Problem(
      `no broker at AMQP_URL=${shown}: ${whyNoLogin(error)}; mend AMQP_URL, or unset it and a broker is started for you`,
      { cause: error },
    );
  });
  const notOurs = async (): Promise<never> => {
    throw new Problem(`the broker at AMQP_URL=${shown} is not ours to kill; unset AMQP_URL`);
  };
  return {
    amqpUrl,
    managementUrl: managementUrl ?? guessManagementUrl(amqpUrl),
    version,
    describe: `RabbitMQ ${version} at ${shown} (AMQP_URL)`,
    kill: notOurs,
    restart: notOurs,
    stop: async () => {},
    onDeath: () => {},
  };
}

/** Amazon MQ serves the management API with TLS on the standard port, a plain broker on 15672; the login is the same. */
export function guessManagementUrl(amqpUrl: string): string {
  const { protocol, username, password, hostname } = new URL(amqpUrl);
  const login = `${username === '' ? 'guest' : username}:${password === '' && username === '' ? 'guest' : password}`;
  return protocol === 'amqps:'
    ? `https://${login}@${hostname}`
    : `http://${login}@${hostname}:${DEFAULT_MANAGEMENT_PORT}`;
}

/** The client's errors at login are about frames; this is what they mean. */
function whyNoLogin(error: unknown): string {
  const reason = reasonOf(error);
  if (reason.includes('ACCESS_REFUSED') || reason.includes('ACCESS-REFUSED'))
    return 'it refuses the user or the password';
  if (reason.includes('Expected ConnectionOpenOk')) return 'it has no such virtual host, or not for this user';
  return reason;
}
