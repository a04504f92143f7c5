import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { run } from '../../infra/dev/runtime/run-command.mjs';
import type { Upstream } from './broker-proxy.ts';

export interface LossyLink {
  readonly upstream: Upstream;
  close(): Promise<void>;
}

/**
 * A script that forwards connections from a Unix socket to a TCP address. The script runs in its own network namespace.
 */
const FORWARDER = `
const { connect, createServer } = require('node:net');
const [path, host, port] = process.argv.slice(1);
createServer((near) => {
  const far = connect({ host, port: Number(port), noDelay: true });
  near.on('error', () => far.destroy()).on('close', () => far.destroy());
  far.on('error', () => near.destroy()).on('close', () => near.destroy());
  near.pipe(far).pipe(near);
}).listen(path, () => console.log('ready'));
process.on('disconnect', () => process.exit());
`;

/**
 * Whether this machine can drop network packets, which requires Linux, the user root, network namespaces and iptables.
 */
export async function canLosePackets(): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const name = `surehop-try-${process.pid}`;
  try {
    await run('iptables', ['--version']);
    await run('ip', ['netns', 'add', name]);
    await run('ip', ['netns', 'exec', name, 'iptables', ...drop('INPUT', 0.5)]);
    return true;
  } catch {
    return false;
  } finally {
    await run('ip', ['netns', 'delete', name]).catch(() => {});
  }
}

const drop = (chain: 'INPUT' | 'OUTPUT', loss: number): string[] =>
  `-A ${chain} -p tcp -m statistic --mode random --probability ${loss} -j DROP`.split(' ');

/**
 * Opens a path to `target` through a network namespace that drops packets in both directions. `loss` is the share of
 * dropped packets, between 0 and 1.
 */
export async function openLossyLink(target: Upstream, loss: number): Promise<LossyLink> {
  const id = process.pid % 100_000;
  const space = `surehop-${id}`;
  const [outside, inside] = [`shop${id}a`, `shop${id}b`];
  const network = `10.213.${id % 250}`;
  const directory = mkdtempSync(join(tmpdir(), 'surehop-lossy-'));
  const path = join(directory, 'broker.sock');
  const undo: (() => Promise<unknown> | void)[] = [() => rmSync(directory, { recursive: true, force: true })];
  const close = async () => {
    for (const step of undo.splice(0).toReversed()) await Promise.resolve(step()).catch(() => {});
  };
  try {
    await run('ip', ['netns', 'add', space]);
    const removeNow = () => void spawnSync('ip', ['netns', 'delete', space]);
    process.once('exit', removeNow);
    undo.push(() => {
      process.off('exit', removeNow);
      removeNow();
    });
    await run('ip', ['link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', space]);
    await run('ip', ['address', 'add', `${network}.1/30`, 'dev', outside]);
    await run('ip', ['link', 'set', outside, 'up']);
    const within = (command: string, ...args: string[]) => run('ip', ['netns', 'exec', space, command, ...args]);
    await within('ip', 'address', 'add', `${network}.2/30`, 'dev', inside);
    await within('ip', 'link', 'set', inside, 'up');
    for (const chain of ['INPUT', 'OUTPUT'] as const) await within('iptables', ...drop(chain, loss));

    // The broker listens only on 127.0.0.1, so this server forwards connections from the namespace.
    const door = createServer({ noDelay: true }, (near) => {
      const far = connect({ ...target, noDelay: true });
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
      near.pipe(far).pipe(near);
    });
    door.listen(0, `${network}.1`);
    await once(door, 'listening');
    undo.push(() => void door.close());
    const { port } = door.address() as { port: number };

    const args = ['netns', 'exec', space, process.execPath, '-e', FORWARDER, path, `${network}.1`, String(port)];
    const forwarder = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    undo.push(() => void forwarder.kill('SIGKILL'));
    await once(forwarder.stdout!, 'data');
    return { upstream: { path }, close };
  } catch (error) {
    await close();
    throw error;
  }
}
