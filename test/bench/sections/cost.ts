import { compare } from '../comparison.ts';
import type { Bench, Measured } from '../protocol.ts';

/** Measures the requests to DynamoDB and the processor time per message, for Surehop and Powertools. */
export async function cost(bench: Bench): Promise<Measured> {
  const { surehop, powertools, messages } = await compare(bench, { skus: 10 });
  const redelivered = await compare(bench, { skus: 10, duplicates: 1, isForgotten: true });
  return {
    requests: surehop.requests / messages,
    duplicates: redelivered.surehop.requests / redelivered.messages,
    cpu: surehop.cpuUs / messages,
    powertoolsRequests: powertools.requests / messages,
    powertoolsCpu: powertools.cpuUs / messages,
    cpuRatio: powertools.cpuUs / surehop.cpuUs,
  };
}
