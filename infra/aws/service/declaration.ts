import type { MetricTable, toolkitMetrics } from 'surehop';

import type { Stage, StageFile } from '../../stages/stage.ts';
import type { AlarmDefinition, Metric, MetricOf } from './alarm.ts';
import type { Chart } from './dashboard.ts';

export type { AlarmDefinition, Chart, MetricOf, Stage, StageFile };

/** A recorded metric that shows how the business is doing, such as the number of accepted orders. */
interface BusinessMetric extends Metric {
  readonly meaning: string;
}

interface RunningService {
  readonly url: string;
  /** Returns the curl option that sends an operator's token with the given scope. */
  readonly bearer: (scope: string) => string;
}

type Tables<Own extends MetricTable> = typeof toolkitMetrics & Own;

/**
 * The content of infra/service.ts, which a deployment and `npm start` read: the names, scopes, metrics, alarms and
 * charts of a service.
 */
export interface ServiceDeclaration<Own extends MetricTable = typeof toolkitMetrics> {
  /** The name of the service. The names of the service's stacks, tables and logins begin with this name. */
  readonly name: string;
  /** The CloudWatch namespace of the service's metrics. Functions get it as the environment variable `METRICS_NAMESPACE`. */
  readonly metricsNamespace: string;
  /**
   * The namespace of the URNs in HTTP responses, such as `shop` in `urn:shop:problem:not-found`. The default is
   * `surehop`. Functions get the namespace as the environment variable `URN_NAMESPACE`.
   */
  readonly urnNamespace?: string;
  /**
   * The text before the names of custom resource types, such as `Shop` in `Custom::ShopBrokerTopology`. By default, the
   * names have no such prefix. The prefix must not change after the first deployment.
   */
  readonly customResourcePrefix?: string;
  /** The descriptions of the scopes that operators' tokens can contain, in addition to the scopes of the toolkit. */
  readonly scopes: Readonly<Record<string, string>>;
  /** The metrics that the functions of the service record in addition to the metrics of the toolkit. */
  readonly ownMetrics?: Own;
  /** Returns the business metrics of the service, which the generated documentation lists. */
  readonly businessMetrics?: (metric: MetricOf<Tables<Own>>) => Readonly<Record<string, BusinessMetric>>;
  /**
   * Returns the alarms on business metrics. Functions, queues and the broker get their own alarms automatically.
   */
  readonly alarms: (metric: MetricOf<Tables<Own>>, stage: Stage) => readonly AlarmDefinition[];
  /** Returns the charts of business metrics. These charts are the first section of the CloudWatch dashboard. */
  readonly charts: (metric: MetricOf<Tables<Own>>) => readonly Chart[];
  /**
   * Returns the text that `npm start` prints below the address of the service when the service is ready, such as
   * commands for a first request.
   */
  readonly firstSteps?: (running: RunningService) => string;
}
