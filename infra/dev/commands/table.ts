import type { Command } from './command.ts';

interface Listed {
  /** The description of the command in the help text. */
  readonly summary: string;
  /** Imports only the module of this command, because importing the modules of all commands would be slow. */
  readonly load: () => Promise<{ readonly command: Command }>;
}

/** All commands of `surehop`, in the order of the help text. */
export const commands: Readonly<Record<string, Listed>> = {
  start: {
    summary: 'runs the whole service on this machine: RabbitMQ, DynamoDB, the functions and their event sources',
    load: () => import('./start.ts'),
  },
  send: {
    summary: 'sends a signed HTTP request to the running service and prints the response',
    load: () => import('./send.ts'),
  },
  publish: {
    summary: 'publishes an event to the broker of the running npm start, and waits until the broker has confirmed it',
    load: () => import('./publish.ts'),
  },
  'dead-letters': {
    summary: 'lists, groups, shows, redrives, discards or edits the dead letters of the service',
    load: () => import('./dead-letters.ts'),
  },
  table: {
    summary: 'lists the local DynamoDB tables of the service, or reads and writes the items of one of them',
    load: () => import('./local-table.ts'),
  },
  add: {
    summary: 'adds a consumer with its queue, an event, an HTTP route or a table to the service, with a test',
    load: () => import('./add.ts'),
  },
  topology: {
    summary: 'compares a broker with infra/topology.ts, changes the broker, or removes a queue that is no longer used',
    load: () => import('./topology.ts'),
  },
  trace: {
    summary: 'prints the spans of a request or message by an id of it, or lists the latest traces',
    load: () => import('./trace.ts'),
  },
  token: {
    summary: "prints an operator's token for the service that npm start runs; the token is valid for one hour",
    load: () => import('./token.ts'),
  },
  metrics: {
    summary:
      'writes the Prometheus alerts, the Grafana dashboard, the configuration of the CloudWatch exporter, and the tables of metrics',
    load: () => import('./metrics.ts'),
  },
  reset: {
    summary: 'deletes all local queues, tables and logs',
    load: () => import('./reset.ts'),
  },
};
