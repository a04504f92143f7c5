import { isPoison, type Kind } from './functions/misbehave.ts';
import type { Random } from './random.ts';

export interface PlannedOrder {
  readonly key: string;
  readonly kind: Kind;
  readonly customerId: string;
  readonly shared: { readonly sku: string; readonly quantity: number };
  /** A SKU that only this order contains. The stock of this SKU shows how often the order's effects were applied. */
  readonly own: { readonly sku: string; readonly quantity: number };
  readonly points: number;
  /**
   * Whether the test client repeats the request until the order is accepted. Otherwise the client sends only one
   * request.
   */
  readonly isRetried: boolean;
  /** How many identical requests the test client sends for this order at the same time. */
  readonly copies: number;
}

/** The percentage of orders of each kind. All remaining orders have the kind `sound`, which succeeds. */
export type Mix = Partial<Record<Kind | 'twice' | 'thrice' | 'notRetried', number>>;

export const usualMix: Mix = { soldout: 8, fails1: 6, fails2: 2, hangs: 1, poison: 4, twice: 5, notRetried: 8 };

export const OWN_STOCK = 1_000;
export const SHARED_STOCK = 1_000_000;
const SHARED_SKUS = 5;
/** The price of a single item, in cents. Each item earns one loyalty point. */
const UNIT_PRICE = 100;

export const consumers = ['stock', 'points'] as const;

/**
 * Plans `count` orders, whose idempotency keys start with `name`, so that the orders of different faults have different
 * keys.
 */
export function planOrders(name: string, count: number, mix: Mix, random: Random): PlannedOrder[] {
  const { twice = 0, thrice = 0, notRetried = 0, ...ofKind } = mix;
  const kinds = Object.entries(ofKind).flatMap(([kind, percent]) => spread(kind as Kind, (percent * count) / 100));
  const all = shuffled([...kinds, ...spread<Kind>('sound', Math.max(count - kinds.length, 0))], random);
  return all.map((kind, index) => {
    const dice = random.next() * 100;
    const quantity = random.between(1, 9);
    const shared = { sku: `${name}-shared-${random.between(1, SHARED_SKUS)}`, quantity: random.between(1, 5) };
    return {
      key: `${name}-${index}`,
      kind,
      customerId: `${kind}.${name}-${index}`,
      shared,
      own: { sku: `${kind === 'soldout' ? 'none.' : ''}${name}-${index}`, quantity },
      points: shared.quantity + quantity,
      isRetried: dice >= notRetried,
      copies: dice < notRetried ? 1 : dice < notRetried + twice ? 2 : dice < notRetried + twice + thrice ? 3 : 1,
    };
  });
}

const spread = <T>(value: T, count: number): T[] =>
  count > 0 ? Array.from({ length: Math.max(Math.round(count), 1) }, () => value) : [];

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((value) => ({ value, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

export const bodyOf = ({ customerId, shared, own }: PlannedOrder): object => ({
  customerId,
  currency: 'EUR',
  items: [shared, own].map(({ sku, quantity }) => ({ sku, quantity, unitPrice: UNIT_PRICE })),
});

export const duties = ({ kind }: PlannedOrder) =>
  consumers.map((consumer) => ({
    consumer,
    isPoison: isPoison(kind, consumer),
    due: kind === 'soldout' ? (0 as const) : (1 as const),
  }));
