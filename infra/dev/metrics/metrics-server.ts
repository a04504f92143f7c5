import { createServer } from 'node:http';

import { service } from 'serverless-surehop/definitions';

import { createCollector } from './collector.ts';
import { collectedMetrics, knownValues } from './collected-metrics.ts';

/** Collects the metrics in the service's output and serves them at a local address. */
export interface MetricsServer {
  readonly url: string;
  readonly observe: (line: string) => void;
  readonly stop: () => Promise<void>;
}

/** Starts the HTTP server from which the local service fetches the metrics for its route `GET /metrics`. */
export async function startMetricsServer(): Promise<MetricsServer> {
  const source = { service: service.name, stage: 'local' };
  const { contentType, observe, text } = createCollector(collectedMetrics, { source, known: knownValues() });
  const server = createServer((_, response) => {
    text().then(
      (body) => response.writeHead(200, { 'content-type': contentType }).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    observe,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
