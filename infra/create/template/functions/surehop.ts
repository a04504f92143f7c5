import { createSurehop } from 'surehop';
import { openTelemetry } from 'surehop/opentelemetry';
import { exportTraces } from 'surehop/otlp';

await exportTraces(process.env);

/**
 * Configures the toolkit with the environment variables of the function. `npx surehop trace` prints the traces that
 * functions record under `npm start`.
 */
export const surehop = createSurehop({ environment: process.env, tracing: openTelemetry() });
