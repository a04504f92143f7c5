export { alarmStates } from './alarms.ts';
export { consolePage, type ConsoleAssets, type ConsoleConfiguration } from './console.ts';
export { readiness } from './readiness.ts';
export { reportQueues } from './report-queues.ts';
export { queueStatus } from './status.ts';
