import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP proxy that a test can tell to leave requests unanswered. */
export interface Silence {
  readonly url: string;
  /** Makes the proxy leave the next `count` requests unanswered; by default only one. */
  swallow(count?: number): void;
  swallowed(): number;
  stop(): Promise<void>;
}

export async function aSilence(target: string): Promise<Silence> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  let [left, swallowed] = [0, 0];
  const server = createServer((incoming, outgoing) => {
    if (left > 0) {
      left -= 1;
      swallowed += 1;
      incoming.resume();
      return;
    }
    const { method, url: path, headers } = incoming;
    const passed = request({ hostname, port, method, path, headers, agent }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    swallow: (count = 1) => (left = count),
    swallowed: () => swallowed,
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
