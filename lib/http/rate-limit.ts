import type { Clock } from '../runtime/clock.ts';
import { Problem } from './problem.ts';
import { tokenBucket, type TokenBucket } from './token-bucket.ts';

/** Clients that are remembered; each is known by a key or a token, so that nobody makes them up. */
const MAX_CLIENTS = 10_000;

/** The second line behind the throttling of API Gateway: what one environment takes, in total and of one client. */
export interface RateLimit {
  /** Throws the problem of too many requests in total. */
  admit(): void;
  /** The same of one client. */
  admitClient(client: string): void;
  /** As in draft-ietf-httpapi-ratelimit-headers, of the client where it is known. */
  headers(client?: string): Record<string, string>;
}

export function createRateLimit(
  { perSecond, clientPerSecond }: { readonly perSecond: number; readonly clientPerSecond: number },
  clock: Clock,
): RateLimit {
  const total = tokenBucket(perSecond, clock);
  const clients = new Map<string, TokenBucket>();

  function bucketOf(client: string): TokenBucket {
    const known = clients.get(client);
    if (known) return known;
    const [oldest] = clients.keys();
    if (oldest !== undefined && clients.size >= MAX_CLIENTS) clients.delete(oldest);
    const bucket = tokenBucket(clientPerSecond, clock);
    clients.set(client, bucket);
    return bucket;
  }

  const take = (bucket: TokenBucket) => {
    if (!bucket.take()) throw new Problem('rate-limited', `More than ${bucket.perSecond} requests in a second.`);
  };

  return {
    admit: () => take(total),
    admitClient: (client) => take(bucketOf(client)),
    headers(client) {
      const buckets = { total, ...(client !== undefined && { client: bucketOf(client) }) };
      const listed = (write: (bucket: TokenBucket) => string) =>
        Object.entries(buckets)
          .map(([name, bucket]) => `"${name}";${write(bucket)}`)
          .join(', ');
      return {
        'ratelimit-policy': listed(({ perSecond: quota }) => `q=${quota};w=1`),
        ratelimit: listed((bucket) => `r=${bucket.left()};t=1`),
      };
    },
  };
}
