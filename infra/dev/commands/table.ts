import { add } from './add.ts';
import type { Command } from './command.ts';
import { deadLetters } from './dead-letters.ts';
import { metrics } from './metrics.ts';
import { publish } from './publish.ts';
import { reset } from './reset.ts';
import { send } from './send.ts';
import { table } from './local-table.ts';
import { start } from './start.ts';
import { token } from './token.ts';
import { topology } from './topology.ts';
import { trace } from './trace.ts';

/** All commands of `surehop`, in the order of the help text. */
export const commands: Readonly<Record<string, Command>> = {
  start,
  send,
  publish,
  'dead-letters': deadLetters,
  table,
  add,
  topology,
  trace,
  token,
  metrics,
  reset,
};
