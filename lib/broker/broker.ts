import { systemClock } from '../clock.ts';
import { config } from '../config.ts';
import { createConnection } from './connection.ts';
import { brokerUrl } from './login.ts';
import { createPublisher, type Publisher } from './publisher.ts';

let current: Publisher | undefined;

/** The publisher of this process: one connection, one confirm channel, opened with the first publish. */
export function publisher(): Publisher {
  if (current) return current;
  const { SERVICE_NAME, STAGE, HEARTBEAT_SECONDS, PUBLISH_DEADLINE_MS } = config();
  const connection = createConnection({
    url: brokerUrl(config()),
    heartbeatSeconds: HEARTBEAT_SECONDS,
    clock: systemClock,
    name: `${SERVICE_NAME}-${STAGE} ${process.env.AWS_LAMBDA_FUNCTION_NAME ?? ''}`.trim(),
  });
  return (current = createPublisher(connection, systemClock, PUBLISH_DEADLINE_MS));
}
