// A process that edits or redrives a dead letter and kills itself with SIGKILL right before or right after one of the steps.
// Otherwise the process prints its steps. Arguments: the step, `before` or `after`, and JSON with the edited body and the
// addresses of broker and store. Without an edited body, the process redrives the dead letter.
import { dynamoDbClient } from '../../lib/dynamodb/client.ts';
import { createDeadLetters } from '../../lib/dead-letters/dead-letters.ts';
import { editDeadLetter } from '../../lib/dead-letters/edit-dead-letter.ts';
import { createConnection } from '../../lib/rabbitmq/connection.ts';
import { createPublisher } from '../../lib/rabbitmq/publisher.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createSurehop } from '../../lib/runtime/surehop.ts';
import { queues } from './example/topology.ts';
import { scriptedEvent } from './scripted-consumer.ts';

const [step, side, input] = process.argv.slice(2) as [string, 'before' | 'after', string];
const { id, text, amqpUrl, endpoint, tablePrefix } = JSON.parse(input);

const calls = new Map<string, number>();
const made: string[] = [];

/**
 * Sends a request. The process kills itself before or after the request if `step` names the request, for example
 * `UpdateItem 2` for the second update.
 */
async function crashing<R>(name: string, run: () => Promise<R>): Promise<R> {
  const call = (calls.get(name) ?? 0) + 1;
  calls.set(name, call);
  const described = call > 1 ? `${name} ${call}` : name;
  made.push(described);
  const isHere = step === described;
  if (isHere && side === 'before') process.kill(process.pid, 'SIGKILL');
  const result = await run();
  if (isHere && side === 'after') process.kill(process.pid, 'SIGKILL');
  return result;
}

const dynamodb = dynamoDbClient({ endpoint });
dynamodb.middlewareStack.add(
  (next, { commandName }) =>
    (args) =>
      crashing(String(commandName).replace(/Command$/, ''), () => next(args)),
  { step: 'initialize', name: 'crashing' },
);
const connection = createConnection({
  url: async () => amqpUrl,
  heartbeatSeconds: 10,
  clock: systemClock,
  name: 'crashing',
});
const publisher = createPublisher(connection, systemClock, 5_000);
const surehop = createSurehop({
  environment: { TABLE_PREFIX: tablePrefix, LOG_LEVEL: 'ERROR', POWERTOOLS_METRICS_DISABLED: 'true' },
  clients: {
    dynamodb,
    publisher: {
      ...publisher,
      publishAll: (messages, deadlineMs) => crashing('publish', () => publisher.publishAll(messages, deadlineMs)),
    },
  },
});

const request = {
  surehop,
  id: `request-${process.pid}-${Date.now()}`,
  client: 'ada',
  route: 'a route',
  path: { id },
  query: {},
  method: 'POST',
  headers: {},
  traceparent: '',
  remainingMs: () => 30_000,
  signal: AbortSignal.timeout(30_000),
  note: () => {},
};
if (text === undefined)
  await createDeadLetters(surehop, queues).redrive({ ...request, body: { force: false, reason: 'a test' } });
else
  await editDeadLetter(surehop, queues, [scriptedEvent])({
    ...request,
    body: { body: { text }, force: false, dryRun: false, reason: 'a test' },
  });
await publisher.close();
process.stdout.write(JSON.stringify(made), () => process.exit(0));
