import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  brokerAlarms,
  functionAlarms,
  kindOf,
  ownMetric,
  queueAlarms,
  recordedSubject,
  toolkitAlarms,
  type AlarmDefinition,
  type FunctionDefinition,
} from 'serverless-surehop/alarms';
import { deadLetterQueue, queues, readLocalStage, service, topology } from 'serverless-surehop/definitions';
import { parse } from 'yaml';

import { rootDirectory } from '../runtime/directories.ts';

type Events = FunctionDefinition['events'] | string;

/** Matches the variable `${consumes:<queue>}` in serverless.yml, which stands for the event sources of a queue. */
const CONSUMES = /^\$\{consumes:(.+)\}$/;

const eventsOf = (events: Events = []): FunctionDefinition['events'] =>
  typeof events === 'string' ? [{ rabbitmq: { queue: CONSUMES.exec(events)![1]! } }] : events;

/**
 * Returns all alarms of the service, grouped into infrastructure, application and business alarms. The thresholds are
 * those of the stage that `npm start` runs.
 */
export function localAlarms(): Readonly<Record<'infrastructure' | 'application' | 'business', AlarmDefinition[]>> {
  const stage = readLocalStage();
  const own = ownMetric('surehop', 'local');
  const text = readFileSync(join(rootDirectory, 'serverless.yml'), 'utf8');
  const { functions } = parse(text, { merge: true }) as {
    functions: Readonly<Record<string, { readonly events?: Events; readonly access?: { readonly login?: string } }>>;
  };
  const workQueues = Object.values(queues).map(({ name }) => name);
  const ofFunctions = Object.entries(functions).flatMap(([key, { events: given, access }]) => {
    const events = eventsOf(given);
    const kind = kindOf({ events });
    const { timeoutSeconds } = stage.functions[kind === 'request' || kind === 'consumer' ? kind : 'operation'];
    const isPublisher = access?.login === 'publisher' && kind === 'request';
    const subject = { key, functionName: key, kind, timeoutSeconds, isPublisher, ...recordedSubject(events) };
    return functionAlarms(subject, own, stage);
  });
  return {
    infrastructure: [
      ...queueAlarms({ consumed: [...workQueues, deadLetterQueue], workQueues, topology }, own, stage),
      ...brokerAlarms('surehop-local', own, stage),
    ],
    application: [...ofFunctions, ...toolkitAlarms(own)],
    business: [...service.alarms(own, stage)],
  };
}
