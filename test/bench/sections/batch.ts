import { compare } from '../comparison.ts';
import type { Bench, Measured } from '../protocol.ts';
import type { Latency } from '../store.ts';

/** Compares how fast Surehop and Powertools process batches of new messages for 1, 10 and 1,000 different SKUs. */
export async function batch(bench: Bench, latency?: Latency): Promise<Measured> {
  const ratios: Record<string, number> = {};
  for (const skus of [1, 10, 1_000]) {
    const { ratio, requestsAlone } = await compare(bench, { skus, latency, withRequestsAlone: true });
    ratios[skus] = ratio;
    ratios[`${skus} alone`] = requestsAlone!;
  }
  return ratios;
}
