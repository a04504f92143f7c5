export interface Management {
  request<T>(method: string, path: string, body?: unknown): Promise<T>;
  /**
   * Returns the number of messages in all queues, including unacknowledged messages. RabbitMQ updates this number only
   * every few seconds.
   */
  messages(): Promise<number>;
}

export const VHOST = '%2F';

/** Creates a client of the management API. The client sends each request to the first node in `urls` that answers. */
export function createManagement(urls: readonly string[]): Management {
  const nodes = urls.map((url) => {
    const { origin, username, password } = new URL(url);
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return { origin, authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  });

  async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
    let failure: unknown;
    for (const { origin, authorization } of nodes) {
      let response: Response;
      try {
        response = await fetch(`${origin}/api/${path}`, {
          method,
          headers: { authorization, 'content-type': 'application/json' },
          body: body === undefined ? undefined : JSON.stringify(body),
          signal: AbortSignal.timeout(20_000),
        });
      } catch (error) {
        failure = error;
        continue;
      }
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} /api/${path} answered ${response.status}: ${text}`);
      return (text ? JSON.parse(text) : undefined) as T;
    }
    throw new Error(`no node of the cluster answered ${method} /api/${path}`, { cause: failure });
  }

  return {
    request,
    async messages() {
      const path = `queues/${VHOST}?columns=messages,messages_dlx`;
      const queues = await request<{ messages?: number; messages_dlx?: number }[]>('GET', path);
      return queues.reduce((sum, { messages = 0, messages_dlx = 0 }) => sum + messages + messages_dlx, 0);
    },
  };
}
