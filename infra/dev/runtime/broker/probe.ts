import { withConnection } from 'surehop/amqp';
import { loginOf } from 'surehop/management';

/**
 * Connects to the broker at `amqpUrl`, disconnects, and returns the version of the broker. Throws an error if the login fails.
 */
export async function probeBroker(amqpUrl: string, timeoutMs = 5_000): Promise<string> {
  return withConnection(amqpUrl, async ({ connection }) => connection.serverProperties.version, timeoutMs);
}

/** Returns whether RabbitMQ's management API responds and accepts the login in `managementUrl`. */
export async function doesManagementAnswer(managementUrl: string, timeoutMs = 5_000): Promise<boolean> {
  const address = new URL(managementUrl);
  const { origin, pathname } = address;
  const { username, password } = loginOf(address);
  try {
    const response = await fetch(`${origin}${pathname.replace(/\/$/, '')}/api/overview`, {
      headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
