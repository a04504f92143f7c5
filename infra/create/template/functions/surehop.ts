import { createSurehop } from 'surehop';
import { openTelemetry } from 'surehop/opentelemetry';
import { exportTraces } from 'surehop/otlp';

await exportTraces(process.env);

/** Surehop, set up with the environment variables of the function. `npx surehop trace` shows the traces of `npm start`. */
export const surehop = createSurehop({ environment: process.env, tracing: openTelemetry() });
