import { expect, test } from '@jest/globals';

import { readArguments } from '../../faults/arguments.ts';

test('npm run faults reads the options --only, --seed and --hold', () => {
  expect(readArguments(['--only', 'latency', '--seed', '7', '--hold'], { messages: 400 })).toEqual({
    only: ['latency'],
    seed: 7,
    hold: true,
    messages: 400,
    broker: 'default',
  });
});

test.each([
  [['--onyl', 'latency'], /the known options are --seed, --only, --messages, --minutes, --hold, --broker/],
  [['--messages', 'many'], '--messages is "many", expected a number of messages'],
  [['--broker', '5'], '--broker is "5"'],
])('npm run faults refuses the arguments %j', (args, message) => {
  expect(() => readArguments(args, { messages: 400 })).toThrow(message);
});
