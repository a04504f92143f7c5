import { config } from '../runtime/config.ts';

/** What lets a page of a permitted origin read the answer; nothing for all others, and by default for all. */
export function corsHeaders(origin: string | undefined): Record<string, string> {
  const { CORS_ORIGINS } = config();
  if (!CORS_ORIGINS) return {};
  if (!origin || !CORS_ORIGINS.split(',').includes(origin)) return { vary: 'origin' };
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'location, retry-after, ratelimit, ratelimit-policy, x-request-id',
    vary: 'origin',
  };
}
