import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { freePorts, isPortTaken, ownerOfPort } from '../../../infra/dev/runtime/ports.ts';

describe('ports', () => {
  test('freePorts returns distinct free ports, all below the ephemeral port range', async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    expect(await isPortTaken(ports[0] ?? 0)).toBe(false);
    expect(ports.filter((port) => port < 10_000 || port > 32_767)).toEqual([]);
  });

  test.each([['127.0.0.1'], ['0.0.0.0']])(
    'isPortTaken returns true for a port on which a server listens at the address %s',
    async (host) => {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      try {
        expect(await isPortTaken(port)).toBe(true);
        const owner = ownerOfPort(port);
        expect([undefined, process.pid]).toContain(owner === undefined ? undefined : Number(/\d+/.exec(owner)?.[0]));
      } finally {
        server.close();
      }
    },
  );
});
