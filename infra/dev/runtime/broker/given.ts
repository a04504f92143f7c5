import type { Broker } from './broker.ts';
import { Problem, reasonOf } from '../command-line.ts';
import { probeBroker } from './probe.ts';
import { withoutPassword } from '../settings.ts';

const DEFAULT_MANAGEMENT_PORT = 15_672;

/**
 * Uses the broker at AMQP_URL if the broker accepts the login in the URL. This process never kills or stops the broker.
 */
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
      `no broker at AMQP_URL=${shown}: ${loginFailure(error)}; correct AMQP_URL, or unset it to have a broker started for you`,
      { cause: error },
    );
  });
  const cannotKill = async (): Promise<never> => {
    throw new Problem(
      `the broker at AMQP_URL=${shown} was not started by this command, which therefore cannot kill or restart the broker; unset AMQP_URL`,
    );
  };
  return {
    amqpUrl,
    managementUrl: managementUrl ?? guessManagementUrl(amqpUrl),
    version,
    describe: `RabbitMQ ${version} at ${shown} (AMQP_URL)`,
    kill: cannotKill,
    restart: cannotKill,
    stop: async () => {},
    isExternal: true,
    onDeath: () => {},
  };
}

export function guessManagementUrl(amqpUrl: string): string {
  const { protocol, username, password, hostname } = new URL(amqpUrl);
  const login = `${username === '' ? 'guest' : username}:${password === '' && username === '' ? 'guest' : password}`;
  return protocol === 'amqps:'
    ? `https://${login}@${hostname}`
    : `http://${login}@${hostname}:${DEFAULT_MANAGEMENT_PORT}`;
}

function loginFailure(error: unknown): string {
  const reason = reasonOf(error);
  if (reason.includes('ACCESS_REFUSED') || reason.includes('ACCESS-REFUSED'))
    return 'the broker refuses the user or the password';
  if (reason.includes('Expected ConnectionOpenOk'))
    return 'the virtual host does not exist, or this user may not access it';
  return reason;
}
