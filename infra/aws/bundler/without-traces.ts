import type { Plugin } from 'esbuild';

/**
 * An esbuild plugin that leaves out OpenTelemetry's API and SDK, which take about 90 KB of a bundle. Functions need
 * OpenTelemetry only if their stage exports traces.
 */
export const withoutTraces: Plugin = {
  name: 'without-traces',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]tracing[\\/]opentelemetry\.[jt]s$/ }, () => ({
      contents: 'export const openTelemetry = () => undefined;',
    }));
    onLoad({ filter: /[\\/]tracing[\\/]sdk\.[jt]s$/ }, () => ({
      contents: `export function startSdk() {
        throw new Error('OTEL_EXPORTER_OTLP_ENDPOINT is set, but this function was packaged without OpenTelemetry: set tracing in the stage file and deploy again');
      }`,
    }));
  },
};
