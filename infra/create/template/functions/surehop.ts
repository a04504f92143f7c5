import { createSurehop } from 'surehop';
import { openTelemetry } from 'surehop/opentelemetry';
import { exportTraces } from 'surehop/otlp';

await exportTraces(process.env);

/**
 * Configures the toolkit from the environment variables of the function. Under `npm start`, the functions record
 * traces, which `npx surehop trace` prints.
 */
export const surehop = createSurehop({ environment: process.env, tracing: openTelemetry() });
