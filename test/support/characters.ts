import fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 };

const afterSurrogates = (codePoint: number) => codePoint >= SURROGATES.first;

/**
 * Generates one random Unicode character. The unit `binary` of `fc.string` is slower, because it makes fast-check
 * create a table of a million characters in each test file.
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
