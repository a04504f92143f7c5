import { systemClock } from '../runtime/clock.ts';
import { config } from '../runtime/config.ts';
import { createConnection, type Connection } from './connection.ts';
import { brokerUrl } from './login.ts';
import { createPublisher, type Publisher } from './publisher.ts';

let connection: Connection | undefined;
let current: Publisher | undefined;

function connectionOfProcess(): Connection {
  const { SERVICE_NAME, STAGE, HEARTBEAT_SECONDS } = config();
  return (connection ??= createConnection({
    url: brokerUrl(config()),
    heartbeatSeconds: HEARTBEAT_SECONDS,
    clock: systemClock,
    name: `${SERVICE_NAME}-${STAGE} ${process.env.AWS_LAMBDA_FUNCTION_NAME ?? ''}`.trim(),
  }));
}

/** The publisher of this process: one connection, one confirm channel, opened with the first publish. */
export const publisher = (): Publisher =>
  (current ??= createPublisher(connectionOfProcess(), systemClock, config().PUBLISH_DEADLINE_MS));

/** Resolves where the broker answers and takes messages on this process's connection; else rejects with a `PublishError`. */
export const probeBroker = (timeoutMs: number): Promise<void> => connectionOfProcess().probe(timeoutMs);
