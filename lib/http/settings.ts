import { defineSettings, matching, setting, wholeNumber } from '../runtime/settings.ts';

/**
 * The settings of all HTTP functions: limits, the allowed CORS origins, the namespace of URNs in responses, and the
 * retention of audit records.
 */
export const httpSettings = defineSettings({
  REQUEST_DEADLINE_MS: wholeNumber(
    'how long a request may take until it is answered in any case, in ms',
    25_000,
    100,
    28_500,
  ),
  BREAKER_FAILURES: wholeNumber('consecutive failures after which a circuit breaker opens', 5, 1, 1_000),
  BREAKER_REST_MS: wholeNumber('how long a circuit breaker stays open, in ms', 5_000, 10, 600_000),
  CORS_ORIGINS: setting(
    (list) => (list.length <= 4_096 && list.split(',').every(isOrigin) ? list : undefined),
    undefined,
    {
      description: 'origins of web pages that may call the API, separated by commas; none by default',
      must: 'origins as browsers send them (scheme, host and port, no path, no "*"), separated by commas',
      example: 'https://shop.example.com,http://localhost:8080',
    },
  ),
  // RFC 8141 defines the syntax of namespaces in URNs.
  URN_NAMESPACE: setting(matching(/^[a-z0-9][a-z0-9-]{0,30}[a-z0-9]$/), 'surehop', {
    description: 'namespace of the URNs in HTTP responses: surehop in urn:surehop:problem:not-found',
    must: '2 to 32 lower-case letters, digits or "-", and neither start nor end with "-"',
    example: 'shop',
  }),
  MAX_BODY_BYTES: wholeNumber('largest request body, in bytes', 131_072, 1, 400_000),
  AUDIT_RETENTION_DAYS: wholeNumber("days for which the audit records of operators' changes are kept", 400, 1, 3_650),
});

export type HttpSettings = NonNullable<(typeof httpSettings)['type']>;

/**
 * Whether `origin` is written as browsers write an origin: scheme and host, and the port unless it is the default port.
 */
function isOrigin(origin: string): boolean {
  return /^https?:\/\/[^*]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
}
