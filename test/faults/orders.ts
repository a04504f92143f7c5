import { isPoison, type Kind } from './functions/misbehave.ts';
import type { Random } from './random.ts';

/** An order that a client will place, and what must come of it. */
export interface PlannedOrder {
  /** Its Idempotency-Key. */
  readonly key: string;
  readonly kind: Kind;
  readonly customerId: string;
  /** A SKU that many orders share, so that their effects meet in one item. */
  readonly shared: { readonly sku: string; readonly quantity: number };
  /** A SKU of its own, so that its stock tells whether it was applied, and how often. */
  readonly own: { readonly sku: string; readonly quantity: number };
  /** Points that it is worth. */
  readonly points: number;
  /** Sends again until it is accepted; an impatient client goes away with whatever it is told first. */
  readonly isPatient: boolean;
  /** Requests that are sent at once. */
  readonly copies: number;
}

/** How many of a hundred orders are of a kind; the rest is sound. */
export type Mix = Partial<Record<Kind | 'twice' | 'thrice' | 'impatient', number>>;

export const usualMix: Mix = { soldout: 8, fails1: 6, fails2: 2, hangs: 1, poison: 4, twice: 5, impatient: 8 };

export const OWN_STOCK = 1_000;
export const SHARED_STOCK = 1_000_000;
const SHARED_SKUS = 5;
/** In minor units: a point each. */
const UNIT_PRICE = 100;

export const consumers = ['stock', 'points'] as const;

/** Plans `count` orders; `name` keeps them apart from those of other faults. */
export function planOrders(name: string, count: number, mix: Mix, random: Random): PlannedOrder[] {
  const { twice = 0, thrice = 0, impatient = 0, ...ofKind } = mix;
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
      isPatient: dice >= impatient,
      copies: dice < impatient ? 1 : dice < impatient + twice ? 2 : dice < impatient + twice + thrice ? 3 : 1,
    };
  });
}

/** At least one of each kind that is asked for. */
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

/** What each consumer must make of the order. */
export const duties = ({ kind }: PlannedOrder) =>
  consumers.map((consumer) => ({
    consumer,
    isPoison: isPoison(kind, consumer),
    due: kind === 'soldout' ? (0 as const) : (1 as const),
  }));
