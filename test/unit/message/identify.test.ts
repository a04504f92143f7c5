import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';

import { decode } from '../../../lib/message/delivery.ts';
import type { Identify } from '../../../lib/message/identify.ts';
import { validate } from '../../../lib/message/message.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { deadLetterCopy, redrivenCopy, retryCopy, withIdentity } from '../../../lib/events/copies.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { Structure } from '../../../lib/events/json-form.ts';
import { anEvent, aRecord, encodeTable, type GivenHeaders } from '../../support/delivery.ts';

type About = NonNullable<Parameters<typeof aRecord>[0]>;

const delivered = (about: About, identify?: Identify) => decode(anEvent([aRecord(about)]), identify)[0]!;

const event = (type: string, version = 1) =>
  on({ type, version, exchange: 'library', schema: z.object({ order: z.number() }) });
const on = (definition: Parameters<typeof defineEvent>[0]) => ({
  event: defineEvent(definition),
  decide: () => ({ effects: [] }),
});

const published: GivenHeaders = { 'surehop-schema-version': 1, 'surehop-published-at': '2026-11-22T12:00:00.000Z' };

const cloudEvent: GivenHeaders = {
  cloudEvents_specversion: '1.0',
  cloudEvents_id: 'e-1',
  cloudEvents_source: '/shop/orders',
  cloudEvents_type: 'loan.created',
};

const fromBody: Identify = ({ body }) => ({ id: `order ${body.order}`, type: 'loan.created', version: 1 });

describe('the identity of a message', () => {
  test.each<[string, About, Identify | undefined, string | undefined]>([
    ['comes from identify if the message has no message id', { id: null }, fromBody, 'order 7'],
    ['comes from identify if the message has only a message id', { id: 'm-1' }, fromBody, 'order 7'],
    ['comes from identify if the message has an id and a type', { id: 'm-1', type: 'x' }, fromBody, 'order 7'],
    [
      'comes from the AMQP properties if Surehop published the message',
      { id: 'm-1', type: 'x', headers: published },
      fromBody,
      'm-1',
    ],
    [
      'comes from identify if the message has the version header of Surehop but no type',
      { id: 'm-1', headers: published },
      fromBody,
      'order 7',
    ],
    ['comes from identify if the message is a CloudEvent', { id: null, headers: cloudEvent }, fromBody, 'order 7'],
    [
      'comes from the CloudEvent if identify returns undefined',
      { id: null, headers: cloudEvent },
      () => undefined,
      '/shop/orders e-1',
    ],
    ['comes from the message id if identify returns undefined', { id: 'm-1' }, () => undefined, 'm-1'],
    ['comes from the attributes of a CloudEvent', { id: null, headers: cloudEvent }, undefined, '/shop/orders e-1'],
    [
      'comes from a CloudEvent if the message has a message id without a type',
      { id: 'm-1', headers: cloudEvent },
      undefined,
      '/shop/orders e-1',
    ],
    [
      'comes from the AMQP properties if a CloudEvent also has a message id and a type',
      { id: 'm-1', type: 'x', headers: cloudEvent },
      undefined,
      'm-1',
    ],
    [
      'comes from the message id of an incomplete CloudEvent',
      { id: 'm-1', headers: { cloudEvents_specversion: '1.0' } },
      undefined,
      'm-1',
    ],
    [
      'comes from the header of a copy, even if identify would return another id',
      { id: 'm-1', type: 'x', headers: { ...published, 'surehop-identified-id': 'k-1' } },
      fromBody,
      'k-1',
    ],
    [
      'ignores an id in the header of a copy that has more than 255 bytes',
      { id: 'm-1', headers: { 'surehop-identified-id': 'k'.repeat(256) } },
      undefined,
      'm-1',
    ],
    ['is missing if nothing identifies the message', { id: null }, undefined, undefined],
  ])('%s', (_, about, identify, id) => {
    expect(delivered({ body: { order: 7 }, ...about }, identify).id).toBe(id);
  });

  test('a retry copy, a dead letter and a redriven copy keep the id of the original message, even if the consumer has no identify function', () => {
    const first = delivered({ id: null, body: { order: 7 }, headers: { city: 'Zürich' } }, fromBody);
    const retried = retryCopy(first, 'loans', 'retry.1s', 2);
    const note = {
      id: 'd-1' as MessageId,
      code: 'CRASH_LOOP',
      reason: '',
      queue: 'loans',
      at: '2026-11-22T12:00:00.000Z',
    };
    const dead = deadLetterCopy(first, 'dead-letters', note);
    const redriven = redrivenCopy(
      withIdentity(first),
      { exchange: '', routingKey: 'loans' },
      { redrives: 1, at: note.at },
    );
    for (const { properties, body } of [retried, dead, redriven]) {
      const copy = delivered({ id: null, raw: body, headers: properties.headers });
      expect([copy.id, copy.identity, copy.body]).toEqual([first.id, first.identity, first.body]);
      expect(copy.properties.headers).toMatchObject({ city: 'Zürich' });
    }
  });

  test('the consumer calls identify again for a redriven message if the message may have been dead-lettered because of a wrong id or type', () => {
    const first = delivered({ id: null, body: { order: 7 } }, fromBody);
    const about = { redrives: 1, at: '2026-11-22T12:00:00.000Z', identifyAgain: true };
    const { properties, body } = redrivenCopy(withIdentity(first), { exchange: '', routingKey: 'loans' }, about);
    const copy = { id: null, raw: body, headers: properties.headers as GivenHeaders };
    expect(delivered(copy).id).toBeUndefined();
    expect(delivered(copy, ({ body: { order } }) => ({ id: `line ${order}` })).id).toBe('line 7');
  });
});

describe('an edited message', () => {
  const edited = (headers: GivenHeaders = {}) => ({
    id: 'e-1',
    body: { order: 7, kind: 'order.paid' },
    headers: { 'surehop-edited-from': 'd-1', 'surehop-identified-id': 'e-1', ...headers },
  });

  test('an edited message has the id that it got when it was edited, and the type that the identify function of the consumer returns for the edited body', () => {
    const identify: Identify = ({ body }) => ({ id: `order ${body.order}`, type: body.kind, version: 2 });
    const identity = { id: 'e-1', type: 'order.paid', version: 2 };
    expect(delivered(edited(), identify)).toMatchObject({ id: 'e-1', identity });
    expect(delivered(edited()).identity).toEqual({ id: 'e-1', type: undefined, version: undefined });
  });

  test('if the headers of an edited message contain its type, the message has this type, whatever type its identify function returns', () => {
    const stated = edited({ 'surehop-identified-type': 'order.placed' });
    expect(delivered(stated, () => ({ id: 'x', type: 'y' })).identity).toMatchObject({
      id: 'e-1',
      type: 'order.placed',
    });
  });

  test('an edited message keeps its id if the identify function of the consumer throws an error or the edited message is an invalid CloudEvent', () => {
    const failing = () => {
      throw new Error('no kind');
    };
    expect(delivered(edited(), failing)).toMatchObject({ id: 'e-1', fault: { code: 'IDENTIFY_FAILED' } });
    const invalid = { ...edited(), contentType: 'application/cloudevents+json' };
    expect(delivered(invalid)).toMatchObject({ id: 'e-1', fault: { code: 'INVALID_CLOUDEVENT' } });
  });
});

describe('a consumer with the function identify', () => {
  test('the function identify receives the properties, the headers as plain values, and the body as parsed JSON', () => {
    const seen: unknown[] = [];
    const headers = {
      'x-id': 'k-1',
      list: [1, 'two'],
      table: { deep: true },
      bytes: Buffer.from([0xff]),
    };
    delivered({ id: 'm-1', body: { order: 7 }, headers }, (message) => {
      seen.push(message);
      return undefined;
    });
    expect(seen).toEqual([
      {
        properties: expect.objectContaining({ messageId: 'm-1', contentType: 'application/json' }),
        headers: { 'x-id': 'k-1', list: [1, 'two'], table: { deep: true }, bytes: { $base64: '/w==' } },
        body: { order: 7 },
      },
    ]);
  });

  test('the type and the version in the result of identify select the business rule', () => {
    const rules = [event('loan.created', 1), event('loan.cancelled', 3)];
    const chosen = (identity: object) => {
      const message = validate(
        delivered({ id: null, body: { order: 7 } }, () => ({ id: 'k-1', ...identity })),
        rules,
      );
      return message.is === 'invalid' ? message.outcome.code : message.rule.event.type;
    };
    expect(chosen({ type: 'loan.cancelled', version: 3 })).toBe('loan.cancelled');
    expect(chosen({ type: 'loan.created' })).toBe('loan.created');
    expect(chosen({ type: 'loan.created', version: 2 })).toBe('SCHEMA_MISMATCH');
    expect(chosen({ type: 'order.unknown' })).toBe('UNKNOWN_TYPE');
    expect(chosen({})).toBe('UNKNOWN_TYPE');
  });

  test.each<[unknown, string]>([
    [null, 'identify returned null instead of an object with an id'],
    [7, 'identify returned a number instead of an object with an id'],
    ['k-1', 'identify returned a string instead of an object with an id'],
    [{}, 'the result of identify is invalid: the message id is missing'],
    [{ id: '' }, 'the result of identify is invalid: the message id is missing'],
    [{ id: null }, 'the result of identify is invalid: the message id is missing'],
    [
      { id: 7 },
      'the result of identify is invalid: the message id is a number, which may be inexact: send the id as a string',
    ],
    [{ id: ['k'] }, 'the result of identify is invalid: the message id is a list, not a string'],
    [{ id: 'é'.repeat(128) }, 'the result of identify is invalid: the message id has more than 255 bytes'],
    [{ id: 'k\ufffd' }, 'the result of identify is invalid: the message id is not UTF-8'],
    [{ id: 'k\ud800' }, 'the result of identify is invalid: the message id is not UTF-8'],
    [{ id: 'k\n' }, 'the result of identify is invalid: the message id has a control character'],
    [{ id: 'k', type: 7 }, 'the result of identify is invalid: the type is not a text of 1 to 255 bytes'],
    [{ id: 'k', type: 't'.repeat(256) }, 'the result of identify is invalid: the type is not a text of 1 to 255 bytes'],
    [{ id: 'k', version: '1' }, 'the result of identify is invalid: the version is not a positive whole number'],
    [{ id: 'k', version: 0 }, 'the result of identify is invalid: the version is not a positive whole number'],
    [{ id: 'k', version: 1.5 }, 'the result of identify is invalid: the version is not a positive whole number'],
  ])('a message is dead-lettered as IDENTIFY_FAILED if identify returns %j', (result, message) => {
    const delivery = delivered({ body: { order: 7 } }, () => result as never);
    expect(delivery).toMatchObject({ id: undefined, fault: { code: 'IDENTIFY_FAILED', message } });
    expect(validate(delivery, [event('loan.created')])).toMatchObject({
      is: 'invalid',
      outcome: { code: 'IDENTIFY_FAILED' },
    });
  });

  test('if identify throws an error, the message is dead-lettered as IDENTIFY_FAILED with the stack frames of the error', () => {
    const delivery = delivered({ body: {} }, ({ body }) => ({ id: body.customer.id }));
    expect(delivery).toMatchObject({
      id: undefined,
      fault: { code: 'IDENTIFY_FAILED', message: /^identify threw UNKNOWN_ERROR: Cannot read/ },
    });
    const { outcome } = validate(delivery, [event('loan.created')]) as {
      outcome: { cause: { frames: readonly string[] } };
    };
    expect(outcome.cause.frames[0]).toContain('identify.test.ts');
  });

  test('if identify throws an error because the body of a message is not JSON, the message is dead-lettered as MALFORMED', () => {
    const delivery = delivered({ raw: Buffer.from('{') }, ({ body }) => ({ id: body.id }));
    expect(delivery).toMatchObject({ id: undefined, fault: { code: 'MALFORMED', message: 'the body is not JSON' } });
  });

  test('identify can identify a message by its headers even if the body of the message is not JSON', () => {
    const identify: Identify = ({ headers, body }) => ({ id: headers['x-id'] ?? body.id });
    expect(delivered({ raw: Buffer.from('{'), headers: { 'x-id': 'k-1' } }, identify).id).toBe('k-1');
  });

  test('a message is dead-lettered as IDENTIFY_FAILED if identify is async, even if the promise of identify rejects', async () => {
    const identify = (async () => {
      throw new Error('rejected');
    }) as never;
    expect(delivered({}, identify)).toMatchObject({
      fault: { code: 'IDENTIFY_FAILED', message: /returned a promise/ },
    });
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('decoding a message never throws an error, whatever identify returns or throws', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withObjectString: true,
          withTypedArray: true,
        }),
        fc.boolean(),
        (value, throws) => {
          const { id, fault } = delivered({ id: null }, () => {
            if (throws) throw value;
            return value as never;
          });
          expect(fault === undefined || id === undefined).toBe(true);
        },
      ),
    );
  });
});

describe('a CloudEvent', () => {
  const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const attributes = { specversion: '1.0', id: 'e-1', source: '/shop/orders', type: 'loan.created' };
  const structured = (body: unknown, contentType = 'application/cloudevents+json; charset=UTF-8') =>
    delivered({ id: null, contentType, body });
  const binary = (headers: GivenHeaders, prefix = 'cloudEvents:', about: About = {}) =>
    delivered({
      id: null,
      ...about,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [prefix + name, value])),
    });

  test.each(['cloudEvents:', 'cloudEvents_'])(
    'a CloudEvent in binary mode is identified by headers with the prefix %s',
    (prefix) => {
      const found = binary({ ...attributes, time: '2026-11-22T12:00:00Z', traceparent: TRACE }, prefix, {
        body: { order: 7 },
      });
      expect(found).toMatchObject({
        id: '/shop/orders e-1',
        identity: { id: '/shop/orders e-1', type: 'loan.created' },
        data: undefined,
        occurredAt: '2026-11-22T12:00:00Z',
        envelope: { traceparent: TRACE },
      });
      expect(validate(found, [event('loan.created')])).toMatchObject({ is: 'valid', event: { order: 7 } });
    },
  );

  test.each(['application/cloudevents+json', 'Application/CloudEvents+JSON;charset=utf-8', 'application/cloudevents'])(
    'a CloudEvent in structured mode with the content type %s is identified by its body, and the business rule receives its data',
    (contentType) => {
      const found = structured(
        { ...attributes, subject: null, data: { order: 7 }, time: '2026-11-22T12:00:00Z', traceparent: TRACE },
        contentType,
      );
      expect(found).toMatchObject({
        id: '/shop/orders e-1',
        occurredAt: '2026-11-22T12:00:00Z',
        envelope: { traceparent: TRACE },
      });
      expect(validate(found, [event('loan.cancelled'), event('loan.created')])).toMatchObject({
        is: 'valid',
        event: { order: 7 },
      });
    },
  );

  test('the business rule receives the data of a CloudEvent in structured mode even if the AMQP properties identify the message', () => {
    const found = delivered({
      id: 'm-1',
      type: 'loan.created',
      contentType: 'application/cloudevents+json',
      body: { ...attributes, data: { order: 7 } },
    });
    expect(found.id).toBe('m-1');
    expect(validate(found, [event('loan.created')])).toMatchObject({ is: 'valid', event: { order: 7 } });
  });

  test('the time of a CloudEvent is read from a header of the AMQP type timestamp', () => {
    const found = binary({ ...attributes, time: new Structure('Nov 22, 2026, 12:33:41 PM') });
    expect(found.occurredAt).toBe('2026-11-22T12:33:41.000Z');
  });

  test('if a message has a traceparent in its AMQP headers and another one in its CloudEvent attributes, the one in the AMQP headers is used', () => {
    const other = TRACE.replace('b7ad', 'c7ad');
    const found = delivered({
      id: null,
      headers: { ...cloudEvent, cloudEvents_traceparent: TRACE, traceparent: other },
    });
    expect(found.envelope.traceparent).toBe(other);
  });

  test('if the source and the id of a CloudEvent together have more than 255 bytes, its message id is a UUID that is derived from both', () => {
    const long = (source: string, id: string) => binary({ ...attributes, source, id }).id!;
    const [one, two] = [long('s'.repeat(300), 'a'), long('s'.repeat(300), 'b')];
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/);
    expect(one).not.toBe(two);
    expect(long('s'.repeat(300), 'a')).toBe(one);
    expect(Buffer.byteLength(long('s'.repeat(253), 'a'))).toBe(255);
    expect(long('s'.repeat(254), 'a')).toHaveLength(36);
  });

  test('two CloudEvents that differ in source or id have different message ids', () => {
    const part = fc.string({ unit: fc.constantFrom('a', ' ', '/', 'é', 'x'.repeat(126)), minLength: 1, maxLength: 4 });
    const idOf = (source: string, id: string) => binary({ ...attributes, source, id }).id;
    fc.assert(
      fc.property(part, part, part, part, (source, id, otherSource, otherId) => {
        const isSame = source === otherSource && id === otherId;
        const one = idOf(source, id);
        expect(one === undefined ? source.includes(' ') : (one === idOf(otherSource, otherId)) === isSame).toBe(true);
      }),
    );
  });

  test.each<[string | undefined, number | undefined]>([
    ['https://shop.example/schemas/loan.created/v2', 2],
    ['https://shop.example/schemas/loan.created-v12.json', 12],
    ['https://registry.example/loan.created/versions/3', 3],
    ['https://registry.example/loan.created?version=4', 4],
    ['urn:shop:loan.created:v5', 5],
    ['https://shop.example/schemas/loan.created/2026-01', undefined],
    ['https://shop.example/schemas/loan.created/17', undefined],
    ['https://shop.example/v2/loan.created', undefined],
    ['https://shop.example/schemas/loan.created/v0', undefined],
    [undefined, undefined],
  ])('with the dataschema %s has the version %s', (dataschema, version) => {
    expect(structured({ ...attributes, dataschema, data: {} }).identity?.version).toBe(version);
  });

  test.each<[string, object, unknown]>([
    ['the JSON value in data', { data: { a: [1] } }, { a: [1] }],
    ['null in data', { data: null }, null],
    ['text in data', { data: '<a/>', datacontenttype: 'application/xml' }, '<a/>'],
    ['the JSON in data_base64', { data_base64: Buffer.from('{"a":1}').toString('base64') }, { a: 1 }],
    [
      'the JSON in data_base64 if its type ends with +json',
      { data_base64: 'MQ==', datacontenttype: 'application/vnd.a+json; charset=utf-8' },
      1,
    ],
    ['nothing without data', {}, undefined],
  ])('in structured mode passes %s to the rule', (_, members, value) => {
    expect(structured({ ...attributes, ...members }).data).toEqual({ value });
  });

  test.each<[string, unknown, string, string | undefined]>([
    ['base64 that is invalid', { data_base64: 'e30' }, 'data_base64 is not base64', '/shop/orders e-1'],
    ['data_base64 that is not text', { data_base64: 7 }, 'data_base64 is not base64', '/shop/orders e-1'],
    ['data_base64 that is not JSON', { data_base64: 'ew==' }, 'data_base64 is not JSON', '/shop/orders e-1'],
    [
      'data_base64 of another type',
      { data_base64: 'AA==', datacontenttype: 'image/png' },
      'data_base64 is not JSON, but "image/png"',
      '/shop/orders e-1',
    ],
    [
      'both data and data_base64',
      { data: {}, data_base64: 'e30=' },
      'the CloudEvent has both data and data_base64',
      '/shop/orders e-1',
    ],
  ])('in structured mode with %s is dead-lettered as MALFORMED under its id', (_, members, message, id) => {
    const found = structured({ ...attributes, ...(members as object) });
    expect(found.id).toBe(id);
    expect(validate(found, [event('loan.created')])).toMatchObject({ outcome: { code: 'MALFORMED', message } });
  });

  test.each<[string, object, string]>([
    ['no id', { id: undefined }, 'the CloudEvent has no id'],
    ['an empty source', { source: '' }, 'the CloudEvent has no source'],
    ['no type', { type: null }, 'the CloudEvent has no type'],
    ['a number as its id', { id: 7 }, 'the attribute id of the CloudEvent is a number, not a string'],
    ['version 0.3', { specversion: '0.3' }, 'version "0.3" of CloudEvents is not supported'],
    ['a source with a space', { source: 'a b' }, 'the source of the CloudEvent is not a URI reference'],
    ['a control character in its id', { id: 'a\u0007' }, 'the source or id of the CloudEvent has invalid characters'],
  ])('with %s is dead-lettered as INVALID_CLOUDEVENT', (_, members, message) => {
    const whole = { ...attributes, ...members, data: {} };
    expect(structured(whole)).toMatchObject({ id: undefined, fault: { code: 'INVALID_CLOUDEVENT', message } });
    const headers = encodable(whole);
    if ('specversion' in headers) expect(binary(headers).fault).toMatchObject({ code: 'INVALID_CLOUDEVENT', message });
  });

  const encodable = (members: object): GivenHeaders =>
    Object.fromEntries(Object.entries(members).filter(([name, value]) => name !== 'data' && value !== undefined));

  test.each<[string, string, Buffer, string]>([
    [
      'in batch format',
      'application/cloudevents-batch+json',
      Buffer.from('[]'),
      'the CloudEvents format "application/cloudevents-batch+json" is not supported',
    ],
    [
      'in Avro',
      'application/cloudevents+avro',
      Buffer.from([1]),
      'the CloudEvents format "application/cloudevents+avro" is not supported',
    ],
    ['that is not JSON', 'application/cloudevents+json', Buffer.from('{'), 'the body is not JSON'],
    ['that is not UTF-8', 'application/cloudevents+json', Buffer.from([0xff]), 'the body is not UTF-8'],
    [
      'that is a list',
      'application/cloudevents+json',
      Buffer.from('[]'),
      'the CloudEvent in the body is not a JSON object',
    ],
  ])('%s is dead-lettered as INVALID_CLOUDEVENT', (_, contentType, raw, message) => {
    const found = delivered({ id: null, contentType, raw });
    expect(found).toMatchObject({ id: undefined, fault: { code: 'INVALID_CLOUDEVENT', message }, body: raw });
    expect(delivered({ id: 'm-1', contentType, raw }).id).toBe('m-1');
  });

  test('decoding a CloudEvent never throws an error, whatever its attributes and its body contain', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant('1.0'));
    const names = [
      'specversion',
      'id',
      'source',
      'type',
      'time',
      'dataschema',
      'traceparent',
      'data',
      'data_base64',
      'datacontenttype',
    ];
    const members = fc.dictionary(fc.constantFrom(...names), value, { noNullPrototype: true });
    fc.assert(
      fc.property(members, fc.json(), (given, json) => {
        const raw = Buffer.from(json);
        const all = [
          binary(given),
          structured(given),
          delivered({ id: null, contentType: 'application/cloudevents+json', raw }),
        ];
        for (const { id, fault, identity } of all)
          expect([identity?.id, fault === undefined || id === undefined]).toEqual([id, true]);
      }),
    );
  });
});

test('decoding a copy of a message returns the id, the type and the version that were written to the headers of the copy', () => {
  const identity = { id: 'k-1' as MessageId, type: 'loan.created', version: 2 };
  const { properties } = withIdentity({ body: Buffer.from('{}'), properties: { headers: {} }, identity });
  expect(encodeTable(properties.headers as GivenHeaders)).toMatchObject({ 'surehop-identified-version': 2 });
  expect(delivered({ id: null, headers: properties.headers }).identity).toEqual(identity);
});
