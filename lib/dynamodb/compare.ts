import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/**
 * Compares two DynamoDB numbers, which have up to 38 digits and therefore do not fit into JavaScript numbers. Returns a
 * negative number, 0 or a positive number.
 */
function compareNumbers(one: string, other: string): number {
  const difference = Number(one) - Number(other);
  if (difference !== 0 || one === other) return difference;
  const [first, second] = [toDecimal(one), toDecimal(other)];
  const exponent = Math.min(first.exponent, second.exponent);
  const exact = scaled(first, exponent) - scaled(second, exponent);
  return exact < 0n ? -1 : exact > 0n ? 1 : 0;
}

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

const scaled = ({ digits, exponent }: Decimal, to: number): bigint => digits * 10n ** BigInt(exponent - to);

function toDecimal(text: string): Decimal {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  return {
    digits: BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}` || 0),
    exponent: Number(exponent) - fraction.length,
  };
}

const MAX_DIGITS = 38;

/**
 * Returns the exact sum of two DynamoDB numbers, or `undefined` if the sum has more digits than a DynamoDB number can
 * have.
 */
export function addNumbers(one: string, other: string): string | undefined {
  const [first, second] = [toDecimal(one), toDecimal(other)];
  const exponent = Math.min(first.exponent, second.exponent);
  const digits = String(scaled(first, exponent) + scaled(second, exponent));
  if (digits.replace(/^-/, '').replace(/0+$/, '').length > MAX_DIGITS) return undefined;
  return exponent === 0 ? digits : `${digits}e${exponent}`;
}

/** Whether two attributes have the same type and the same value, according to the rules of DynamoDB's operator `=`. */
export function isEqual(one: AttributeValue, other: AttributeValue): boolean {
  if (one.N !== undefined) return other.N !== undefined && compareNumbers(one.N, other.N) === 0;
  if (one.L !== undefined) {
    const { L: elements } = other;
    return one.L.length === elements?.length && one.L.every((element, index) => isEqual(element, elements[index]!));
  }
  if (one.M !== undefined) {
    const { M: map } = other;
    const names = Object.keys(one.M);
    return (
      map !== undefined &&
      names.length === Object.keys(map).length &&
      names.every((name) => Object.hasOwn(map, name) && isEqual(one.M[name]!, map[name]!))
    );
  }
  if (one.SS !== undefined) return isSameSet(one.SS, other.SS, (a, b) => a === b);
  if (one.NS !== undefined) return isSameSet(one.NS, other.NS, (a, b) => compareNumbers(a, b) === 0);
  return one.S === other.S && one.BOOL === other.BOOL && one.NULL === other.NULL && isScalar(other);
}

const isScalar = ({ S, BOOL, NULL }: AttributeValue) => S !== undefined || BOOL !== undefined || NULL !== undefined;

const isSameSet = (
  one: readonly string[],
  other: readonly string[] | undefined,
  isSame: (a: string, b: string) => boolean,
): boolean => one.length === other?.length && one.every((a) => other.some((b) => isSame(a, b)));

/**
 * Compares two texts or two numbers as DynamoDB orders them: texts by their UTF-8 bytes. Returns `undefined` if the
 * attributes have different types or cannot be ordered.
 */
export function compare(one: AttributeValue, other: AttributeValue): number | undefined {
  if (one.N !== undefined && other.N !== undefined) return compareNumbers(one.N, other.N);
  if (one.S !== undefined && other.S !== undefined) return Buffer.compare(Buffer.from(one.S), Buffer.from(other.S));
  return undefined;
}
