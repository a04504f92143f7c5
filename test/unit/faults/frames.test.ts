import { expect, test } from '@jest/globals';

import { createFrameCutter, isAck } from '../../faults/amqp-frames.ts';

const method = (classId: number, methodId: number, rest = Buffer.alloc(9)): Buffer => {
  const payload = Buffer.concat([Buffer.alloc(4), rest]);
  payload.writeUInt16BE(classId, 0);
  payload.writeUInt16BE(methodId, 2);
  const header = Buffer.alloc(7);
  header.writeUInt8(1, 0);
  header.writeUInt16BE(1, 1);
  header.writeUInt32BE(payload.length, 3);
  return Buffer.concat([header, payload, Buffer.from([0xce])]);
};

const ack = method(60, 80);
const stream = [
  Buffer.from('AMQP\0\0\x09\x01'),
  method(60, 40, Buffer.alloc(300)),
  ack,
  method(60, 120),
  method(10, 10),
];

test('the frame cutter splits an AMQP stream into the same frames, whatever the size of the chunks in which the stream arrives', () => {
  const bytes = Buffer.concat(stream);
  for (const chunkBytes of [1, 2, 7, 8, 64, bytes.length]) {
    const cutter = createFrameCutter();
    const frames: Buffer[] = [];
    for (let from = 0; from < bytes.length; from += chunkBytes)
      frames.push(...cutter.push(bytes.subarray(from, from + chunkBytes)));
    expect(frames.map((frame) => frame.toString('hex'))).toEqual(stream.map((frame) => frame.toString('hex')));
  }
});

test('isAck recognizes only basic.ack frames as acknowledgements', () => {
  expect(stream.filter(isAck)).toEqual([ack]);
});
