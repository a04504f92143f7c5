import { createSurehop } from 'surehop';
import { openTelemetry } from 'surehop/opentelemetry';
import { exportTraces } from 'surehop/otlp';

await exportTraces(process.env);

/** Configures the toolkit for this service with the environment variables of the process. */
export const surehop = createSurehop({ environment: process.env, tracing: openTelemetry() });
