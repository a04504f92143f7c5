import type { Stage, StageFile } from '../../stages/stage.ts';
import type { AlarmDefinition, Metric } from './alarm.ts';
import type { Chart } from './dashboard.ts';

export type { AlarmDefinition, Chart, Stage, StageFile };

/**
 * Returns a metric of the stage: a metric of the toolkit, such as `Requests` with the dimensions `route` and `status`, or a
 * metric that the service's own functions record.
 */
export type MetricOf = (name: string, statistic: string, dimensions?: Readonly<Record<string, string>>) => Metric;

/** The service that `npm start` runs. */
interface RunningService {
  readonly url: string;
  /** Returns the curl option that sends an operator's token with this scope. */
  readonly bearer: (scope: string) => string;
}

/**
 * What a service declares in infra/service.ts for its deployment and for `npm start`, besides its queues and tables.
 */
export interface ServiceDeclaration {
  /** The name of the service. The names of its stacks, tables and logins begin with it. */
  readonly name: string;
  /** The CloudWatch namespace of the service's metrics, which the service also passes to `createSurehop`. */
  readonly metricsNamespace: string;
  /** The descriptions of the scopes that operators' tokens can contain, in addition to the scopes of the toolkit. */
  readonly scopes: Readonly<Record<string, string>>;
  /**
   * Returns the alarms on business metrics. Functions, queues and the broker get their own alarms automatically.
   */
  readonly alarms: (metric: MetricOf, stage: Stage) => readonly AlarmDefinition[];
  /** Returns the charts of business metrics, which are the first section of the CloudWatch dashboard. */
  readonly charts: (metric: MetricOf) => readonly Chart[];
  /** Returns what `npm start` prints first when the service is ready, such as commands for a first request. */
  readonly firstSteps?: (running: RunningService) => string;
}
