export { createSurehop, type Surehop, type SurehopOptions } from './runtime/surehop.ts';
export { systemClock, type Clock } from './runtime/clock.ts';
export { errorCodes } from './runtime/error-codes.ts';
export { describeError, PermanentError, RetryAfterError, type ErrorCode } from './runtime/errors.ts';
export {
  defineSettings,
  SettingsError,
  url,
  wholeNumber,
  word,
  type Concern,
  type Environment,
  type Explanation,
  type Setting,
} from './runtime/settings.ts';
export { log } from './runtime/log.ts';
export { errorFields } from './runtime/stack.ts';
export {
  defineMetrics,
  type DimensionArguments,
  type MetricDefinition,
  type MetricName,
  type MetricTable,
} from './runtime/metric-table.ts';
export { metricsRecorder } from './runtime/metrics.ts';
export { toolkitMetrics } from './runtime/toolkit-metrics.ts';
