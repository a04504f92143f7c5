import { createSurehop } from 'surehop';
import { openTelemetry } from 'surehop/opentelemetry';
import { exportTraces } from 'surehop/otlp';

await exportTraces(process.env);

/**
 * The toolkit with the settings in the function's environment variables. Under `npm start`, `npx surehop trace` shows
 * the recorded traces.
 */
export const surehop = createSurehop({ environment: process.env, tracing: openTelemetry() });
