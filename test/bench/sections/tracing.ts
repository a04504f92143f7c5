import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { orders, plenty, stockUp } from '../batches.ts';
import type { Bench, Measured } from '../protocol.ts';
import type { SideName } from '../side.ts';
import { sideOf } from '../side-process.ts';
import { openClient } from '../store.ts';

const BATCH = 100;
const BATCHES_A_TURN = 10;
const TURNS = 10;
const SKUS = 10;
const SIDES = ['surehop', 'traced0', 'traced10', 'traced100'] as const satisfies readonly SideName[];

/**
 * Measures the processor time per message of Surehop's consumer without an OpenTelemetry SDK, and with an SDK that
 * samples 0 %, 10 % or 100 % of the traces.
 */
export async function tracing(bench: Bench): Promise<Measured> {
  const receiver = await startReceiver();
  try {
    const batches = Array.from({ length: TURNS * BATCHES_A_TURN }, (_, n) => orders(BATCH, SKUS, n * BATCH));
    for (const name of SIDES) {
      const endpoint = await bench.freshStore();
      const { client } = openClient(endpoint);
      await stockUp(client, SKUS, plenty);
      client.destroy();
      await sideOf(name).send({ open: { endpoint, otlpUrl: receiver.url, batches } });
    }
    const cpuUs = { surehop: 0, traced0: 0, traced10: 0, traced100: 0 };
    for (let n = 0; n < TURNS; n += 1)
      for (const name of n % 2 === 0 ? SIDES : SIDES.toReversed())
        cpuUs[name] += (await sideOf(name).send({ turn: BATCHES_A_TURN })).cpuUs;
    if (receiver.bytes() === 0) throw new Error('no consumer has exported a span');
    const messages = TURNS * BATCHES_A_TURN * BATCH;
    return {
      without: cpuUs.surehop / messages,
      none: cpuUs.traced0 / cpuUs.surehop,
      some: cpuUs.traced10 / cpuUs.surehop,
      all: cpuUs.traced100 / cpuUs.surehop,
      added: (cpuUs.traced100 - cpuUs.surehop) / messages,
    };
  } finally {
    receiver.stop();
  }
}

// The processes of the consumers register their SDK only once, so the port must be the same in every round.
let port = 0;

/** Starts an HTTP server that accepts every export of spans and discards the spans. */
async function startReceiver() {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  ({ port } = server.address() as AddressInfo);
  return {
    url: `http://127.0.0.1:${port}`,
    bytes: () => bytes,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
