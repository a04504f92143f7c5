import { withLogin, type Login } from '../address.ts';
import { withConnection } from '../open-connection.ts';

/** Whether the broker takes this login at `amqpUrl`; throws where it does not answer, or the virtual host is closed to the user. */
export async function canLogIn(amqpUrl: string, login: Login, timeoutMs = 10_000): Promise<boolean> {
  try {
    await withConnection(
      withLogin(amqpUrl, login),
      async (connection) => (await connection.createChannel()).close(),
      timeoutMs,
    );
    return true;
  } catch (error) {
    if (isLoginRefused(error)) return false;
    throw error;
  }
}

/** Whether the broker refused the user or the password; anything else may pass by itself. */
export const isLoginRefused = (error: unknown): boolean =>
  error instanceof Error && /ACCESS[_-]REFUSED|\b403\b/.test(error.message);
