import {
  brokerAlarms,
  functionAlarms,
  kindOf,
  ownMetric,
  queueAlarms,
  recordedSubject,
  toolkitAlarms,
  type AlarmDefinition,
} from 'serverless-surehop/alarms';
import { deadLetterQueue, queues, service, topology } from 'serverless-surehop/definitions';
import { readLocalStage } from 'serverless-surehop/variables';

import { localFunctions } from './local-functions.ts';

/**
 * Returns all alarms of the service, grouped into infrastructure, application and business alarms. The thresholds are
 * those of the stage that `npm start` runs.
 */
export function localAlarms(): Readonly<Record<'infrastructure' | 'application' | 'business', AlarmDefinition[]>> {
  const stage = readLocalStage();
  const own = ownMetric('surehop', 'local');
  const workQueues = Object.values(queues).map(({ name }) => name);
  const ofFunctions = localFunctions().flatMap(({ key, events, login }) => {
    const kind = kindOf({ events });
    const { timeoutSeconds } = stage.functions[kind === 'request' || kind === 'consumer' ? kind : 'operation'];
    const isPublisher = login === 'publisher' && kind === 'request';
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
