import type { Add, Decision, Effect, Put } from '../../lib/inbox/decision.ts';
import type { CommitResult, Entry } from '../../lib/inbox/inbox.ts';

type Values = Record<string, unknown>;

/**
 * A simple in-memory model of the inbox, which processes one message at a time. The model applies either all effects of
 * a message or none of them.
 */
export interface Model {
  /**
   * All items in the modelled tables. Each key of this map is JSON text with the name of the table and the key of the
   * item.
   */
  readonly items: Map<string, Values>;
  /** The hash of the payload of every completed or rejected message, by message id. */
  readonly done: Map<string, string>;
}

export const place = (table: string, key: Values): string => JSON.stringify([table, key]);

const number = (value: unknown): number => (value === undefined ? 0 : typeof value === 'number' ? value : NaN);

const putHolds = ({ when }: Put, item: Values | undefined): boolean =>
  when === undefined || (when === 'absent' ? item === undefined : item?.[when.attribute] === when.equals);

/**
 * Applies effects to a copy of the items and returns the copy. If DynamoDB would reject the transaction with these
 * effects, returns the reason instead.
 */
function apply(items: Model['items'], effects: readonly Effect[]): Model['items'] | 'condition' | 'refused' {
  const after = new Map(items);
  let refused = false;
  for (const effect of effects) {
    const at = place(effect.table, effect.key);
    const item = after.get(at);
    if (effect.kind === 'put') {
      if (!putHolds(effect, item)) return 'condition';
      after.set(at, { ...effect.item, ...effect.key });
      continue;
    }
    const { attribute, by, atLeast } = effect;
    const sum = number(item?.[attribute]) + by;
    if (atLeast !== undefined && !(sum >= atLeast)) return 'condition';
    if (Number.isNaN(sum)) refused = true;
    after.set(at, { ...effect.key, ...item, [attribute]: sum });
  }
  return refused ? 'refused' : after;
}

const touchesTwice = (effects: readonly Effect[]): boolean => {
  const met = new Map<string, (Add | Put)['kind']>();
  return effects.some(({ kind, table, key }) => {
    const before = met.get(place(table, key));
    met.set(place(table, key), kind);
    return before !== undefined && (before === 'put' || kind === 'put');
  });
};

/** Processes one message in the model and returns the outcome that the real inbox must have for it. */
function process(model: Model, { id, payloadHash, decision }: Entry): CommitResult['is'] {
  for (let each: Decision | undefined = decision; each !== undefined; each = each.otherwise) {
    if (touchesTwice(each.effects)) return 'failed';
  }
  const known = model.done.get(id);
  if (known !== undefined) return known === payloadHash ? 'duplicate' : 'mismatch';
  let outcome: 'completed' | 'rejected' = 'completed';
  for (let each: Decision | undefined = decision; each !== undefined;) {
    const after = apply(model.items, each.effects);
    if (after === 'refused') return 'failed';
    if (after !== 'condition') {
      for (const [at, item] of after) model.items.set(at, item);
      model.done.set(id, payloadHash);
      return outcome;
    }
    const next: Decision['otherwise'] = each.otherwise;
    if (next !== undefined) outcome = next.outcome;
    each = next;
  }
  return 'failed';
}

export const processAll = (model: Model, entries: readonly Entry[]): CommitResult['is'][] =>
  entries.map((entry) => process(model, entry));
