import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';

/** The time limit for one export of spans, in ms. If the export takes longer, the spans are lost. */
const EXPORT_MS = 2_000;

interface SdkOptions {
  readonly endpoint: string;
  readonly sampledShare: number;
  readonly serviceName: string;
  readonly stage: string;
  readonly functionName: string | undefined;
}

/**
 * Registers the OpenTelemetry SDK for this process. The exporter itself reads further environment variables, such as
 * `OTEL_EXPORTER_OTLP_HEADERS`.
 */
export function startSdk({ endpoint, sampledShare, serviceName, stage, functionName }: SdkOptions): void {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_MS,
  });
  new NodeTracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'deployment.environment.name': stage,
      'faas.name': functionName,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampledShare) }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  }).register();
}
