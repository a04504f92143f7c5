import { defineSettings, setting, url } from '../runtime/settings.ts';

/** The settings for exporting spans. Their names and meanings are those of OpenTelemetry's specification. */
export const tracingSettings = defineSettings({
  OTEL_EXPORTER_OTLP_ENDPOINT: url(/^https?$/, {
    description:
      'the OTLP receiver to which spans are exported with protobuf over HTTP; no spans are recorded by default',
    must: 'a URL with the protocol http or https',
    example: 'http://localhost:4318',
  }),
  OTEL_TRACES_SAMPLER_ARG: setting(
    (text) => (/^(0|1|0?\.\d{1,9}|[01]\.\d{1,9})$/.test(text) && Number(text) <= 1 ? Number(text) : undefined),
    1,
    {
      description: 'the share of the traces to record if the caller has not decided it',
      must: 'a number from 0 to 1',
      example: '0.1',
    },
  ),
});
