import { accountsQueue } from './accounts.ts';
import type { Account, AuditResult, End, Sum } from '../model/invariants.ts';
import type { Ledger, SentMessage, SentOrder } from './ledger.ts';
import { markerKey, type Found, type FoundDeadLetter } from './observe.ts';
import { duties, OWN_STOCK, SHARED_STOCK } from './orders.ts';

/** All dead letters by message id. Dead letters without a message id are grouped by the hash of their body. */
interface Index {
  readonly byMessage: ReadonlyMap<string, FoundDeadLetter[]>;
  readonly byBody: ReadonlyMap<string, FoundDeadLetter[]>;
}

/**
 * Finds the effects and the final states of the sent messages in the contents of the DynamoDB tables. If `fault` is
 * given, only messages that were sent during this fault are audited.
 */
export function audit(
  ledger: Ledger,
  found: Found,
  { waiting, fault, recovery }: Pick<AuditResult, 'waiting' | 'recovery'> & { fault?: string },
): AuditResult {
  const isMine = (sent: { fault: string }) => fault === undefined || sent.fault === fault;
  const index: Index = {
    byMessage: grouped(found.deadLetters, ({ messageId }) => messageId),
    byBody: grouped(found.deadLetters, ({ messageId, payloadHash }) =>
      messageId === undefined ? payloadHash : undefined,
    ),
  };
  const orders = ledger.orders.filter(isMine);
  return {
    accounts: [
      ...orders.flatMap((sent) => orderAccounts(sent, found, index)),
      ...orders.flatMap((sent) => followUpAccounts(sent, found, index)),
      ...ledger.messages.filter(isMine).flatMap((sent) => messageAccounts(sent, found, index)),
    ],
    sums: sumsOf(orders, found),
    unexpected: unexpectedOf(ledger, found),
    waiting,
    outOfOrder: outOfOrderOf(ledger.messages.filter(isMine), found),
    recovery,
  };
}

function endsOf(
  consumer: string,
  id: string | undefined,
  deadLetters: readonly FoundDeadLetter[],
  found: Found,
): End[] {
  const state = id === undefined ? undefined : found.markers.get(markerKey(consumer, id))?.state;
  const done: End[] = state === 'completed' || state === 'rejected' ? [state] : [];
  return [...done, ...deadLetters.filter(({ queue }) => queue === consumer).map((): End => 'dead-lettered')];
}

const orderAccounts = ({ order, id, answer }: SentOrder, found: Found, { byMessage }: Index): Account[] =>
  duties(order).map(({ consumer, isPoison, due }) => ({
    id,
    consumer,
    answer,
    isPoison,
    due,
    ends: endsOf(consumer, id, byMessage.get(id) ?? [], found),
    applied: consumer === 'stock' ? stockApplied({ order }, found) : pointsApplied({ order }, found),
  }));

/**
 * Returns the reserved quantity of an order divided by its ordered quantity: 1 if the stock was reserved once, 2 if it
 * was reserved twice, and a fraction if it was reserved only in part.
 */
const stockApplied = ({ order }: Pick<SentOrder, 'order'>, found: Found): number =>
  order.kind === 'soldout' ? 0 : (OWN_STOCK - (found.stock.get(order.own.sku) ?? Number.NaN)) / order.own.quantity;

const pointsApplied = ({ order }: Pick<SentOrder, 'order'>, found: Found): number =>
  (found.points.get(order.customerId) ?? 0) / order.points;

const followUpAccounts = ({ id }: SentOrder, found: Found, { byMessage }: Index): Account[] =>
  (found.markers.get(markerKey('stock', id))?.followUps ?? []).map((followUp) => ({
    id: followUp,
    consumer: 'points',
    answer: 'accepted' as const,
    isPoison: false,
    due: 0 as const,
    ends: endsOf('points', followUp, byMessage.get(followUp) ?? [], found),
    applied: 0,
  }));

const messageAccounts = (
  { id, payloadHash, consumers, isPoison, answer }: SentMessage,
  found: Found,
  { byMessage, byBody }: Index,
): Account[] =>
  consumers.map((consumer) => ({
    id: id ?? `body ${payloadHash.slice(0, 12)}`,
    consumer,
    answer,
    isPoison,
    hasNoId: id === undefined,
    due: 0 as const,
    ends: endsOf(consumer, id, (id === undefined ? byBody.get(payloadHash) : byMessage.get(id)) ?? [], found),
    applied: 0,
  }));

/**
 * Compares the stock of each shared SKU with the expected stock: the initial stock minus the quantities of all
 * completed orders.
 */
function sumsOf(orders: readonly SentOrder[], found: Found): Sum[] {
  const expected = new Map<string, number>();
  for (const sent of orders) {
    const { sku, quantity } = sent.order.shared;
    const applied = sent.order.kind === 'soldout' ? 0 : stockApplied(sent, found);
    expected.set(sku, (expected.get(sku) ?? SHARED_STOCK) - applied * quantity);
  }
  return [...expected].map(([sku, amount]) => ({
    name: `stock of ${sku}`,
    expected: amount,
    found: found.stock.get(sku) ?? Number.NaN,
  }));
}

/** Lists the account entries that were rejected because the previous entry was missing. */
const outOfOrderOf = (messages: readonly SentMessage[], found: Found): string[] =>
  messages.flatMap(({ id, consumers }) =>
    id !== undefined &&
    consumers.includes(accountsQueue.name) &&
    found.markers.get(markerKey(accountsQueue.name, id))?.state === 'rejected'
      ? [`${id} at ${accountsQueue.name}: done before the entry that it follows`]
      : [],
  );

function unexpectedOf({ orders, messages }: Ledger, found: Found): string[] {
  const ids = new Set<string | undefined>([...orders.map(({ id }) => id), ...messages.map(({ id }) => id)]);
  const bodies = new Set(messages.map(({ payloadHash }) => payloadHash));
  const customers = new Set(orders.map(({ order }) => order.customerId));
  for (const { followUps } of found.markers.values()) for (const id of followUps) ids.add(id);
  return [
    ...[...found.markers.values()]
      .filter(({ id }) => !ids.has(id))
      .map(({ consumer, id }) => `${id} at ${consumer}: a marker of a message that nobody sent`),
    ...found.deadLetters
      .filter(({ messageId, payloadHash }) =>
        messageId === undefined ? !bodies.has(payloadHash) : !ids.has(messageId),
      )
      .map(({ id, messageId }) => `dead letter ${id}: of the message ${messageId ?? 'without an id'} that nobody sent`),
    ...[...found.points.keys()]
      .filter((customer) => !customers.has(customer))
      .map((customer) => `points of ${customer}, who ordered nothing`),
  ];
}

function grouped<T>(list: readonly T[], keyOf: (value: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of list) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
