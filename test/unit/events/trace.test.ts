import { describe, expect, test } from '@jest/globals';

import { readEnvelope } from '../../../lib/events/envelope.ts';
import { eventMessage } from '../../../lib/events/publish.ts';
import { factsOf } from '../../../lib/http/request.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { nextSpan, parseTraceparent, readTrace } from '../../../lib/events/trace.ts';
import { aRequest } from '../../support/request.ts';

/** A section number in a test title refers to W3C Trace Context (https://www.w3.org/TR/trace-context-2/). */
const TRACE = '12345678901234567890123456789012';
const PARENT = 'b7ad6b7169203331';
const good = `00-${TRACE}-${PARENT}-01`;

const traceIdOf = (traceparent?: string) => parseTraceparent(traceparent)?.traceId;

const members = (count: number, length = 7) =>
  Array.from({ length: count }, (_, index) => `k${String(index).padStart(2, '0')}=`.padEnd(length, 'v'));

/** Returns the tracestate that the service passes on after it has received `tracestate` with a valid traceparent. */
const passed = (tracestate: string) => nextSpan({ traceparent: good, tracestate }).tracestate;

describe('a traceparent', () => {
  test.each<[section: string, what: string, traceparent: string, flags: string]>([
    ['3.2.2.3 trace-id', 'of version 00', good, '01'],
    ['3.2.2.5 trace-flags', 'that is not sampled', `00-${TRACE}-${PARENT}-00`, '00'],
    ['3.2.2.5.2 random flag', 'with the random flag, which is kept', `00-${TRACE}-${PARENT}-03`, '03'],
    ['3.2.2.5.3 other flags', 'with undefined flags, which are cleared', `00-${TRACE}-${PARENT}-ff`, '03'],
    ['3.2.4 versioning', 'of a higher version', `cc-${TRACE}-${PARENT}-01`, '01'],
    ['3.2.4 versioning', 'of a higher version with further fields', `cc-${TRACE}-${PARENT}-01-what-will-be`, '01'],
    ['3.2.4 versioning', 'of a higher version with an empty field', `cc-${TRACE}-${PARENT}-01-`, '01'],
    [
      '3.2.4 versioning',
      'of a higher version, of which only the sampled flag is known',
      `01-${TRACE}-${PARENT}-fe`,
      '00',
    ],
    ['3.2.4 versioning', 'of the highest version', `fe-${TRACE}-${PARENT}-01`, '01'],
    ['RFC 9110, 5.5', 'with white space around it', `\t ${good} \t`, '01'],
  ])('%s: the trace of a traceparent %s continues in version 00 with a new parent-id', (_, __, traceparent, flags) => {
    const next = nextSpan({ traceparent }).traceparent;
    expect(next).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-${flags}$`));
    expect(next).not.toContain(PARENT);
    expect(traceIdOf(traceparent)).toBe(TRACE);
  });

  test.each<[section: string, what: string, traceparent: string | undefined]>([
    ['4.2', 'that is absent', undefined],
    ['3.2.2', 'that is empty', ''],
    ['3.2.2.1 version', 'of version ff', `ff-${TRACE}-${PARENT}-01`],
    ['3.2.2.1 version', 'of a version in upper case', `CC-${TRACE}-${PARENT}-01`],
    ['3.2.2.1 version', 'of a version that is not hexadecimal', `.0-${TRACE}-${PARENT}-01`],
    ['3.2.2.1 version', 'of a version that is too long', `000-${TRACE}-${PARENT}-01`],
    ['3.2.2.1 version', 'of a version that is too short', `0-${TRACE}-${PARENT}-01`],
    ['3.2.2.2 version-format', 'of version 00 with a further field', `${good}-more`],
    ['3.2.2.2 version-format', 'of version 00 with a further dash', `${good}-`],
    ['3.2.2.2 version-format', 'of version 00 with a further character', `${good}.`],
    ['3.2.2.3 trace-id', 'with a trace-id of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['3.2.2.3 trace-id', 'with a trace-id in upper case', `00-${'A'.repeat(32)}-${PARENT}-01`],
    ['3.2.2.3 trace-id', 'with a trace-id that is not hexadecimal', `00-.${TRACE.slice(1)}-${PARENT}-01`],
    ['3.2.2.3 trace-id', 'with a trace-id that is too long', `00-${TRACE}3-${PARENT}-01`],
    ['3.2.2.3 trace-id', 'with a trace-id that is too short', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['3.2.2.4 parent-id', 'with a parent-id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['3.2.2.4 parent-id', 'with a parent-id in upper case', `00-${TRACE}-${'B'.repeat(16)}-01`],
    ['3.2.2.4 parent-id', 'with a parent-id that is too long', `00-${TRACE}-${PARENT}7-01`],
    ['3.2.2.4 parent-id', 'with a parent-id that is too short', `00-${TRACE}-${PARENT.slice(1)}-01`],
    ['3.2.2.5 trace-flags', 'with flags that are not hexadecimal', `00-${TRACE}-${PARENT}-0.`],
    ['3.2.2.5 trace-flags', 'with flags that are too long', `00-${TRACE}-${PARENT}-001`],
    ['3.2.2.5 trace-flags', 'with flags that are too short', `00-${TRACE}-${PARENT}-1`],
    ['3.2.4 versioning', 'of a higher version that is shorter than 55 characters', `cc-${TRACE}-${PARENT}-1`],
    ['3.2.4 versioning', 'of a higher version whose flags end with no dash', `cc-${TRACE}-${PARENT}-01.what-will-be`],
    ['3.2.4 versioning', 'of a higher version with a trace-id of zeros', `cc-${'0'.repeat(32)}-${PARENT}-01`],
    ['3.2.4 versioning', 'of a higher version whose ids are not hexadecimal', `cc-${'x'.repeat(32)}-${PARENT}-01`],
    ['RFC 9110, 5.3', 'that was sent twice', `${good},${good}`],
  ])('%s: a traceparent %s starts a new trace without the tracestate', (_, __, traceparent) => {
    const next = nextSpan({ traceparent, tracestate: 'foo=1' });
    expect(next.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/);
    expect(next.traceparent).not.toContain(TRACE);
    expect(next.tracestate).toBeUndefined();
    expect(readTrace({ traceparent, tracestate: 'foo=1' })).toEqual({});
    expect(traceIdOf(traceparent)).toBeUndefined();
  });

  test('nextSpan puts a different parent-id into the traceparent of each span (W3C Trace Context, 3.2.2.4)', () => {
    const steps = Array.from({ length: 3 }, () => nextSpan({ traceparent: good }).traceparent);
    expect(new Set(steps).size).toBe(3);
  });
});

describe('a tracestate', () => {
  const allOfValue = String.fromCharCode(
    ...Array.from({ length: 0x7f - 0x20 }, (_, index) => 0x20 + index).filter((code) => code !== 0x2c && code !== 0x3d),
  );

  test.each<[section: string, what: string, tracestate: string, passedOn: string]>([
    ['3.3.1', 'in its order', 'foo=1,bar=2', 'foo=1,bar=2'],
    ['3.3.1', 'without white space around members', ' foo=1 \t , \t bar=2,\tbaz=3 ', 'foo=1,bar=2,baz=3'],
    ['3.3.1', 'without empty members', ',foo=1,, \t,bar=2,', 'foo=1,bar=2'],
    ['3.3.1.2 list', 'with 32 members', members(32).join(','), members(32).join(',')],
    ['3.3.1.3.1 key', 'with a key that begins with a digit', '1a=1', '1a=1'],
    ['3.3.1.3.1 key', 'with every character of a key', 'az09_-*/@=1', 'az09_-*/@=1'],
    ['3.3.1.3.1 key', 'with a key of 256 characters', `${'z'.repeat(256)}=1`, `${'z'.repeat(256)}=1`],
    ['3.3.1.3.2 value', 'with every character of a value', `foo=${allOfValue}`, `foo=${allOfValue}`],
    ['3.3.1.3.2 value', 'with a value that begins with spaces', 'foo=  1', 'foo=  1'],
    ['3.3.1.3.2 value', 'with a value of 256 characters', `foo=${'v'.repeat(256)}`, `foo=${'v'.repeat(256)}`],
    ['3.3.1.5 limits', 'of 512 characters', members(32, 15).join(',') + 'v', members(32, 15).join(',') + 'v'],
    [
      '3.3.1.5 limits',
      'of 513 characters without its last member',
      members(32, 15).join(',') + 'vv',
      members(31, 15).join(','),
    ],
    [
      '3.3.1.5 limits',
      'of more than 512 characters without its first member, which is longer than 128',
      [`long=${'v'.repeat(124)}`, ...members(25, 15)].join(','),
      members(25, 15).join(','),
    ],
    [
      '3.3.1.5 limits',
      'of more than 512 characters with a member of 128 characters and without the last member',
      [`long=${'v'.repeat(123)}`, ...members(25, 15)].join(','),
      [`long=${'v'.repeat(123)}`, ...members(24, 15)].join(','),
    ],
    [
      '3.3.1.5 limits',
      'without long members, and then without members from the end',
      [...members(32, 20), `long=${'v'.repeat(200)}`].slice(1).join(','),
      members(32, 20).slice(1, 25).join(','),
    ],
  ])('%s: a tracestate is passed on %s', (_, __, tracestate, passedOn) => {
    expect(passed(tracestate)).toBe(passedOn);
    expect(passedOn.length).toBeLessThanOrEqual(512);
  });

  test.each<[section: string, what: string, tracestate: string]>([
    ['3.3.1', 'is empty', ''],
    ['3.3.1', 'has only empty members', ' , ,\t'],
    ['3.3.1.2 list', 'has 33 members', members(33).join(',')],
    ['3.3.1.3 list-members', 'has a member without a value', 'foo=1,bar'],
    ['3.3.1.3.1 key', 'has a key in upper case', 'FOO=1'],
    ['3.3.1.3.1 key', 'has a key with a space', 'foo =1'],
    ['3.3.1.3.1 key', 'has a key with a dot', 'foo.bar=1'],
    ['3.3.1.3.1 key', 'has a key that begins with @', '@foo=1,bar=2'],
    ['3.3.1.3.1 key', 'has no key', '=1'],
    ['3.3.1.3.1 key', 'has a key of 257 characters', `foo=1,${'z'.repeat(257)}=1`],
    ['3.3.1.3.2 value', 'has an equals sign in a value', 'foo=bar=baz'],
    ['3.3.1.3.2 value', 'has an empty value', 'foo=,bar=3'],
    ['3.3.1.3.2 value', 'has a value of 257 characters', `foo=${'v'.repeat(257)}`],
    ['3.3.1.3.2 value', 'has a value that is not ASCII', 'foo=ü'],
    ['3.3.1.3.2 value', 'has a line break in a value', 'foo=1\n2'],
    ['3.3.1.4 combined header value', 'has a key twice', 'foo=1,bar=2,foo=1'],
  ])('%s: a tracestate that %s is dropped, and the trace continues', (_, __, tracestate) => {
    const next = nextSpan({ traceparent: good, tracestate });
    expect(next.tracestate).toBeUndefined();
    expect(traceIdOf(next.traceparent)).toBe(TRACE);
  });

  test('a tracestate is passed on with a traceparent of a higher version (W3C Trace Context, 4.3)', () => {
    expect(nextSpan({ traceparent: `cc-${TRACE}-${PARENT}-01-x`, tracestate: 'foo=1' }).tracestate).toBe('foo=1');
  });

  test('a tracestate of two million characters is discarded', () => {
    expect(passed('a=1,'.repeat(500_000))).toBeUndefined();
  });
});

describe('trace headers of HTTP requests', () => {
  const facts = (headers: Record<string, string>) => factsOf(aRequest({ headers }), undefined, 1_000, undefined).facts;

  test.each([
    ['traceparent', 'tracestate'],
    ['TraceParent', 'TraceState'],
    ['TRACEPARENT', 'TRACESTATE'],
  ])(
    'the names of the trace headers of an HTTP request are case-insensitive, for example %s and %s (W3C Trace Context, 3.2.1)',
    (traceparent, tracestate) => {
      const read = facts({ [traceparent]: good, [tracestate]: 'foo=1' });
      expect([traceIdOf(read.traceparent), read.tracestate]).toEqual([TRACE, 'foo=1']);
    },
  );

  test('an HTTP header named trace-parent or trace.parent is not read as a traceparent (W3C Trace Context, 3.2.1)', () => {
    for (const name of ['trace-parent', 'trace.parent'])
      expect(traceIdOf(facts({ [name]: good }).traceparent)).not.toBe(TRACE);
  });

  test('several tracestate headers of an HTTP request are joined, but several traceparent headers are all ignored (W3C Trace Context, 3.3.1)', () => {
    const combined = facts({ traceparent: good, tracestate: 'foo=1', Tracestate: '', TRACESTATE: 'bar=2' });
    expect(combined.tracestate).toBe('foo=1,bar=2');
    const twice = facts({ traceparent: good, Traceparent: good, tracestate: 'foo=1' });
    expect(traceIdOf(twice.traceparent)).not.toBe(TRACE);
    expect(twice.tracestate).toBeUndefined();
  });

  test('a request without a traceparent continues the trace of the header x-amzn-trace-id that API Gateway adds', () => {
    const root = `1-${TRACE.slice(0, 8)}-${TRACE.slice(8)}`;
    const header = `Self=1-67891233-abcdef012345678912345678;Root=${root};Parent=${PARENT};Sampled=1`;
    const read = facts({ 'X-Amzn-Trace-Id': header });
    expect(read.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(facts({ 'x-amzn-trace-id': `Root=${root}` }).traceparent).toMatch(
      new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`),
    );
    expect(
      traceIdOf(
        facts({ traceparent: good, 'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793' }).traceparent,
      ),
    ).toBe(TRACE);
  });

  test.each([
    '',
    'Root=',
    'Root=1-00000000-000000000000000000000000',
    'Root=1-5759e988',
    `Root=2-5759e988-${'0'.repeat(24)}`,
  ])('an invalid x-amzn-trace-id "%s" starts a new trace', (header) => {
    expect(facts({ 'x-amzn-trace-id': header }).traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/);
  });
});

describe('baggage', () => {
  test('the baggage of a request is passed on, even if the request has no valid traceparent', () => {
    expect(nextSpan({ baggage: ' tenant=a , user=b' })).toMatchObject({ baggage: 'tenant=a , user=b' });
    expect(readTrace({ traceparent: good, baggage: 'tenant=a' })).toMatchObject({ baggage: 'tenant=a' });
  });

  test.each([
    ['with a line break', 'a=1\nb=2'],
    ['with characters that are not ASCII', 'a=ü'],
    ['that is longer than 8,192 bytes', `a=${'x'.repeat(8_191)}`],
    ['that is empty', ' '],
  ])('a baggage %s is not passed on', (_, baggage) =>
    expect(nextSpan({ traceparent: good, baggage }).baggage).toBeUndefined(),
  );
});

describe('trace headers of messages', () => {
  const event = { type: 'x', version: 1, exchange: 'e' };
  const publishedFrom = (headers: Record<string, string>) => {
    const options = { id: 'id' as MessageId, appId: 'a', publishedAtMs: 0 };
    return eventMessage(event, {}, { ...options, trace: readEnvelope(headers) }).properties.headers;
  };

  test('an event continues the trace of the message that caused the event, whatever the version of the traceparent of that message', () => {
    const headers = publishedFrom({ traceparent: `cc-${TRACE}-${PARENT}-01-x`, tracestate: ' foo=1 , bar=2' });
    expect(headers).toMatchObject({
      traceparent: expect.stringMatching(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`)),
      tracestate: 'foo=1,bar=2',
    });
  });

  test('the names of trace headers in a message may be in upper or lower case', () => {
    const headers = publishedFrom({ TraceParent: good, TRACESTATE: 'foo=1' });
    expect([traceIdOf(headers.traceparent as string), headers.tracestate]).toEqual([TRACE, 'foo=1']);
  });

  test('if a message has an invalid traceparent, the events that the message causes start a new trace without a tracestate', () => {
    const headers = publishedFrom({ traceparent: 'ff-not-a-trace', tracestate: 'foo=1' });
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/);
    expect(headers).not.toHaveProperty('tracestate');
    expect(readEnvelope({ traceparent: 'ff-not-a-trace', tracestate: 'foo=1' })).not.toHaveProperty('traceparent');
  });
});
