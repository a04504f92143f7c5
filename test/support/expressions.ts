import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'yaml';

/** An expression of a Prometheus alert or of a panel of the Grafana dashboard. */
export interface Expression {
  readonly name: string;
  readonly promql: string;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const COMPARISON = / (?:>=?|<=?) -?[\d.]+(?=\)|$)/g;

/** The values with which Grafana replaces its variables in an expression. */
const VARIABLES: Readonly<Record<string, string>> = {
  $__rate_interval: '60s',
  $service: 'surehop',
  $stage: 'local',
  $queue: '.+',
  $route: '.+',
};

/** Returns the expressions of all alerts and of all panels of the dashboard in docs/observability. */
export function expressionsIn(folder: string): Expression[] {
  const { groups } = parse(readFileSync(join(folder, 'alerts.yml'), 'utf8')) as RuleFile;
  const { panels } = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8')) as { panels: Panel[] };
  const alerts = groups.flatMap(({ rules }) =>
    rules.map(({ alert, expr }) => ({ name: alert, promql: expr.replace(COMPARISON, '') })),
  );
  const charts = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ name: title, promql: expr.replace(/\$\w+/g, (name) => VARIABLES[name] ?? name) })),
  );
  return [...alerts, ...charts];
}
