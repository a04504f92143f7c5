import fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 };

const afterSurrogates = (codePoint: number) => codePoint >= SURROGATES.first;

/**
 * Generates every Unicode character, like the unit `binary` of `fc.string`. The unit `binary` is slower, because
 * fast-check creates a table of a million characters for it in each test file.
 */
export const character: fc.Arbitrary<string> = fc.nat({ max: 0x10ffff - SURROGATES.count }).map(
  (number) => String.fromCodePoint(afterSurrogates(number) ? number + SURROGATES.count : number),
  (text) => {
    const [first, ...more] = typeof text === 'string' ? text : '';
    const codePoint = first?.codePointAt(0);
    if (codePoint === undefined || more.length > 0) throw new Error('not one character');
    return afterSurrogates(codePoint) ? codePoint - SURROGATES.count : codePoint;
  },
);
