import { orders, plenty, rabbitMqEvent, record, stockUp } from '../batches.ts';
import { surehopConsumer } from '../consumers/surehop.ts';
import { openClient, latency } from '../store.ts';
import { aVirtualHost } from '../../support/broker.ts';
import { topology } from '../../../infra/topology.ts';
import { applyTopology } from '../../../lib/broker/apply-topology.ts';
import { dynamoDbClient } from '../../../lib/inbox/client.ts';
export async function prof(bench: any) {
  const host = await aVirtualHost(); await applyTopology(host.amqpUrl, topology);
  const endpoint = await bench.freshStore();
  await stockUp(openClient(endpoint).client, 10, (n) => n === 3 ? 5 : plenty());
  const c = openClient(endpoint, latency, dynamoDbClient);
  const pub = host.publisher(); let pubMs = 0;
  const s = surehopConsumer(c.client, { ...pub, publishAll: async (...a: any) => { const t = performance.now(); try { return await (pub.publishAll as any)(...a); } finally { pubMs += performance.now() - t; } } });
  const events = Array.from({length: 20}, (_, n) => rabbitMqEvent(orders(100, 10, n*100).map((x) => record(x))));
  const log: any[] = []; let t0 = 0;
  c.client.middlewareStack.add((next: any, ctx: any) => async (a: any) => { const t = performance.now(); let ok = (a.input.TransactItems?.length ?? '') + 'ok'; try { return await next(a); } catch (e: any) { ok = ok + e.name; throw e; } finally { log.push([ctx.commandName.slice(0, 8), ok.slice(0, 12), +(t - t0).toFixed(0), +(performance.now() - t0).toFixed(0)].join(' ')); } }, { step: 'deserialize', priority: 'low', name: 'x' });
  const all = performance.now();
  for (const e of events) { t0 = performance.now(); await s(e); log.push('done ' + (performance.now() - t0).toFixed(0)); }
  const ms = (performance.now() - all) / 20;
  await host.remove();
  return { ms, pubMs: pubMs / 20, last: log.slice(-12).join(' | ') };
}
