import { serviceSettings } from '../runtime/service-settings.ts';
import { readSettings, type Environment } from '../runtime/settings.ts';
import { tracingSettings } from './settings.ts';

/**
 * Registers an OpenTelemetry SDK that exports spans to the OTLP receiver at `OTEL_EXPORTER_OTLP_ENDPOINT`. Does nothing
 * without this setting. Throws a `SettingsError` if a setting is wrong.
 */
export async function exportTraces(environment: Environment): Promise<void> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: sampledShare } = readSettings(
    tracingSettings,
    environment,
  );
  if (!endpoint) return;
  const { startSdk } = await import('./sdk.ts');
  const { SERVICE_NAME: serviceName, STAGE: stage } = readSettings(serviceSettings, environment);
  startSdk({ endpoint, sampledShare, serviceName, stage, functionName: environment['AWS_LAMBDA_FUNCTION_NAME'] });
}
