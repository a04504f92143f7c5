import { connect } from 'amqplib';

/** Logs in at `amqpUrl` and out again, and gives the broker's version; throws what went wrong. */
export async function probeBroker(amqpUrl: string, timeoutMs = 5_000): Promise<string> {
  const connection = await connect(amqpUrl, { timeout: timeoutMs });
  connection.on('error', () => {});
  const { version } = connection.connection.serverProperties;
  await connection.close();
  return version;
}

/** Whether the management API answers with its login. */
export async function doesManagementAnswer(managementUrl: string, timeoutMs = 5_000): Promise<boolean> {
  const { username, password, origin, pathname } = new URL(managementUrl);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  try {
    const response = await fetch(`${origin}${pathname.replace(/\/$/, '')}/api/overview`, {
      headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
