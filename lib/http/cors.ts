import type { HttpSettings } from './settings.ts';

/** What lets a page of a permitted origin read the answer; nothing for all others, and by default for all. */
export function corsHeaders(
  { CORS_ORIGINS }: Pick<HttpSettings, 'CORS_ORIGINS'>,
  origin: string | undefined,
): Record<string, string> {
  if (!CORS_ORIGINS) return {};
  if (!origin || !CORS_ORIGINS.split(',').includes(origin)) return { vary: 'origin' };
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'location, retry-after, ratelimit, ratelimit-policy, x-request-id',
    vary: 'origin',
  };
}
