import { compare } from '../comparison.ts';
import type { Bench, Measured } from '../protocol.ts';

/** What the clients spend per message. */
export async function cost(bench: Bench): Promise<Measured> {
  const { surehop, powertools } = await compare(bench, { skus: 10 });
  const redelivered = await compare(bench, { skus: 10, duplicates: 1 });
  return {
    requests: surehop.requests / surehop.messages,
    duplicates: redelivered.surehop.requests / redelivered.surehop.messages,
    cpu: surehop.cpuUs / surehop.messages,
    cpuRatio: powertools.cpuUs / surehop.cpuUs,
    powertoolsRequests: powertools.requests / powertools.messages,
    powertoolsCpu: powertools.cpuUs / powertools.messages,
  };
}
