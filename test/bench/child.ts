// This process measures one section: `child.mjs <section> <rounds>`. It sends the figures of each round to its parent
// process.
import { batch } from './sections/batch.ts';
import { batchSizes } from './sections/batch-sizes.ts';
import { bulk } from './sections/bulk.ts';
import { bundles } from './sections/bundles.ts';
import { consolePage } from './sections/console.ts';
import { cost } from './sections/cost.ts';
import { duplicates } from './sections/duplicates.ts';
import { memory } from './sections/memory.ts';
import { peers } from './sections/peers.ts';
import { poison } from './sections/poison.ts';
import { publish } from './sections/publish.ts';
import { shards } from './sections/shards.ts';
import { soldOut } from './sections/sold-out.ts';
import { tracing } from './sections/tracing.ts';
import { latency } from './store.ts';
import type { Bench, FromChild, Measure, StoreAnswer } from './protocol.ts';

const measures: Record<string, Measure> = {
  publish,
  bulk,
  peers,
  batch: (bench) => batch(bench),
  latency: (bench) => batch(bench, latency),
  duplicates,
  'sold-out': soldOut,
  cost,
  tracing,
  poison,
  sizes: batchSizes,
  memory,
  bundles,
  shards,
  console: consolePage,
};

const report = (message: FromChild) => process.send!(message);

let requested = 0;
const freshStore: Bench['freshStore'] = () => {
  const number = ++requested;
  return new Promise((resolve) => {
    const listen = (answer: StoreAnswer) => {
      if (answer.number !== number) return;
      process.off('message', listen);
      resolve(answer.endpoint);
    };
    process.on('message', listen);
    report({ request: 'store', number });
  });
};

const [section = '', given] = process.argv.slice(2);
const rounds = Number(given);
if (!(section in measures)) throw new Error(`the benchmark has no section "${section}"`);
for (let round = 0; round <= rounds; round += 1)
  report({ round, measured: await measures[section]!({ round, rounds, freshStore }) });
process.disconnect!();
