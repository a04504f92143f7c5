// The event source and the function of one shard, in a process of their own as on AWS: `shard-environment.mjs <json>`.
import type { ExecutionEnvironment } from '../../infra/emulator/environment.ts';
import { startMapping } from '../../infra/emulator/mapping.ts';
import type { RabbitMqEvent } from '../../lib/message/delivery.ts';
import { dynamoDbClient } from '../../lib/dynamodb/client.ts';
import { surehopConsumer } from './consumers/surehop.ts';
import type { ShardSettings } from './shard-processes.ts';
import { latency, openClient } from './store.ts';

const { url, virtualHost, shard, endpoint, batchSize } = JSON.parse(process.argv[2]!) as ShardSettings;

const consume = surehopConsumer(openClient(endpoint, latency, dynamoDbClient).client);

const environment: ExecutionEnvironment = {
  async invoke(eventJson) {
    const { counts } = await consume(JSON.parse(eventJson) as RabbitMqEvent);
    process.send!({ done: counts.completed });
    return { outcome: 'success', resultJson: 'null' };
  },
  renew() {},
  async stop() {},
};

process.once('message', () => {
  startMapping({
    url,
    virtualHost,
    queue: shard,
    eventSourceArn: 'arn:aws:mq:eu-central-1:000000000000:broker:local:b-00000000-0000-0000-0000-000000000000',
    functionKey: shard,
    batchSize,
    batchingWindowMs: 500,
    onError: 'nack',
    environments: [environment],
    log: { notice: console.log, warning: console.log, error: console.log },
    onReport: () => {},
  });
});
process.on('disconnect', () => process.exit());
process.send!({ done: 0 });
