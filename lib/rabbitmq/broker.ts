import type { Publisher } from '../events/publish.ts';
import { serviceSettings } from '../runtime/service-settings.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { createConnection, type Connection } from './connection.ts';
import { brokerUrl } from './login.ts';
import { createPublisher } from './publisher.ts';
import { brokerSettings } from './settings.ts';

/** The publisher of this process. It connects to the broker at the first publish. */
export const publisher = (surehop: Surehop): Publisher => surehop.clients.publisher ?? surehop.shared(newPublisher);

/**
 * Resolves if the broker answers and accepts messages, and otherwise rejects with a `PublishError`. Uses the connection
 * of this process.
 */
export const probeBroker = (surehop: Surehop, timeoutMs: number): Promise<void> =>
  surehop.shared(connection).probe(timeoutMs);

const newPublisher = (surehop: Surehop): Publisher =>
  createPublisher(surehop.shared(connection), surehop.clock, surehop.settings(brokerSettings).PUBLISH_DEADLINE_MS);

function connection({ clock, settings, functionName }: Surehop): Connection {
  const { SERVICE_NAME, STAGE } = settings(serviceSettings);
  return createConnection({
    url: brokerUrl(settings(brokerSettings)),
    heartbeatSeconds: settings(brokerSettings).HEARTBEAT_SECONDS,
    clock,
    name: `${SERVICE_NAME}-${STAGE} ${functionName ?? ''}`.trim(),
  });
}
