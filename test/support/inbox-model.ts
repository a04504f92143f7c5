import type { AttributeCondition, When } from '../../lib/dynamodb/conditions.ts';
import type { Effect } from '../../lib/dynamodb/effects.ts';
import type { Decision } from '../../lib/inbox/decision.ts';
import type { CommitResult, Entry } from '../../lib/inbox/inbox.ts';
import { isDeepStrictEqual } from 'node:util';

export type Values = Record<string, unknown>;

/** A model of the inbox that keeps everything in memory and processes one message at a time. */
export interface Model {
  /** The simulated contents of DynamoDB: every item, by the JSON text of its table name and key. */
  readonly items: Map<string, Values>;
  /** The payload hash of every completed or rejected message, by message id. */
  readonly done: Map<string, string>;
  /** Collects the ids of the messages whose effects DynamoDB would refuse. */
  readonly refused?: Set<string>;
}

export const place = (table: string, key: Values): string => JSON.stringify([table, key]);

const MAX_ITEM_BYTES = 400 * 1024;

const lengthOf = (value: unknown): number =>
  typeof value === 'string'
    ? value.length
    : typeof value === 'object' && value !== null && !(value instanceof Set)
      ? Object.values(value).reduce((sum: number, inner) => sum + lengthOf(inner), 0)
      : 8;

const isOrdered = (value: unknown, other: unknown): value is string | number =>
  typeof value === typeof other && (typeof value === 'string' || typeof value === 'number');

function attributeHolds(condition: AttributeCondition, value: unknown): boolean {
  const { exists, equals, oneOf, lessThan, atMost, greaterThan, atLeast, beginsWith, contains } = condition;
  if (exists !== undefined && exists !== (value !== undefined)) return false;
  if (equals !== undefined && !isDeepStrictEqual(value, equals)) return false;
  if (oneOf !== undefined && !oneOf.some((one) => isDeepStrictEqual(value, one))) return false;
  if (lessThan !== undefined && !(isOrdered(value, lessThan) && value < lessThan)) return false;
  if (atMost !== undefined && !(isOrdered(value, atMost) && value <= atMost)) return false;
  if (greaterThan !== undefined && !(isOrdered(value, greaterThan) && value > greaterThan)) return false;
  if (atLeast !== undefined && !(isOrdered(value, atLeast) && value >= atLeast)) return false;
  if (beginsWith !== undefined && !(typeof value === 'string' && value.startsWith(beginsWith))) return false;
  if (contains === undefined) return true;
  if (typeof value === 'string') return typeof contains === 'string' && value.includes(contains);
  return Array.isArray(value) ? value.includes(contains) : value instanceof Set && value.has(contains);
}

function holds(when: When | undefined, item: Values | undefined): boolean {
  if (when === undefined) return true;
  if (when === 'exists') return item !== undefined;
  if (when === 'absent') return item === undefined;
  return Object.entries(when).every(([name, condition]) => attributeHolds(condition ?? {}, item?.[name]));
}

const kindOf = (set: ReadonlySet<unknown>): string => typeof [...set][0];

function appended(value: unknown, more: unknown): unknown {
  if (Array.isArray(more)) return value === undefined ? more : Array.isArray(value) ? [...value, ...more] : undefined;
  const members = more as ReadonlySet<unknown>;
  if (value === undefined) return members;
  return value instanceof Set && kindOf(value) === kindOf(members) ? new Set([...value, ...members]) : undefined;
}

function write(effect: Effect, item: Values | undefined): Values | null | undefined | 'condition' | 'refused' {
  switch (effect.kind) {
    case 'check':
      return item;
    case 'delete':
      return null;
    case 'put':
      return { ...defined(effect.item), ...effect.key };
    case 'set': {
      const set = { ...effect.key, ...item, ...effect.attributes };
      return defined(set);
    }
    case 'append': {
      const after: Values = { ...effect.key, ...item };
      for (const [name, more] of Object.entries(effect.attributes)) after[name] = appended(after[name], more);
      return Object.values(after).includes(undefined) ? 'refused' : after;
    }
    case 'add': {
      const { attribute, by, atLeast } = effect;
      const value = item?.[attribute] ?? 0;
      const sum = typeof value === 'number' ? value + by : NaN;
      if (atLeast !== undefined && !(sum >= atLeast)) return 'condition';
      return Number.isNaN(sum) ? 'refused' : { ...effect.key, ...item, [attribute]: sum };
    }
  }
}

const defined = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** Applies effects to a copy of the items. Returns the copy, or the reason why DynamoDB would refuse the effects. */
function apply(items: Model['items'], effects: readonly Effect[]): Model['items'] | 'condition' | 'refused' {
  const after = new Map(items);
  let refused = false;
  for (const effect of effects) {
    const at = place(effect.table.name, effect.key);
    if (!holds(effect.when, items.get(at))) return 'condition';
    const item = write(effect, after.get(at));
    if (item === 'condition') return 'condition';
    if (item === 'refused') refused = true;
    else if (item === null) after.delete(at);
    else if (item !== undefined) after.set(at, item);
  }
  for (const item of after.values()) if (lengthOf(item) > MAX_ITEM_BYTES) refused = true;
  return refused ? 'refused' : after;
}

/** Whether two effects of one decision write the same DynamoDB item in a way that the inbox does not allow. */
function isContradictory(effects: readonly Effect[]): boolean {
  const written = new Map<string, Map<string, string>>();
  return effects.some((effect) => {
    if (effect.kind === 'check') return false;
    const at = place(effect.table.name, effect.key);
    const before = written.get(at);
    const isWhole = effect.kind === 'put' || effect.kind === 'delete';
    if (before !== undefined && (isWhole || before.has(''))) return true;
    const attributes = before ?? new Map<string, string>();
    written.set(at, attributes);
    if (isWhole) attributes.set('', effect.kind);
    const changes: [string, string][] =
      effect.kind === 'add'
        ? [[effect.attribute, 'add']]
        : effect.kind === 'set'
          ? Object.keys(effect.attributes).map((name) => [name, 'set'])
          : effect.kind === 'append'
            ? Object.entries(effect.attributes).map(([name, more]) => [
                name,
                more instanceof Set ? kindOf(more) : 'append',
              ])
            : [];
    for (const [name, kind] of changes) {
      const earlier = attributes.get(name);
      if (earlier !== undefined && (earlier !== kind || kind === 'set')) return true;
      attributes.set(name, kind);
    }
    return false;
  });
}

const isTooLarge = (effect: Effect): boolean =>
  effect.kind === 'put' && lengthOf({ ...effect.item, ...effect.key }) > MAX_ITEM_BYTES;

/** Processes one message in the model. Returns the outcome that the real inbox must have for this message. */
function process(model: Model, { id, payloadHash, decision }: Entry): CommitResult['is'] {
  for (let each: Decision | undefined = decision; each !== undefined; each = each.otherwise) {
    // The inbox checks the alternatives of a decision too, even if they are not reached.
    if (isContradictory(each.effects) || each.effects.some(isTooLarge)) return 'failed';
  }
  const known = model.done.get(id);
  if (known !== undefined) return known === payloadHash ? 'duplicate' : 'mismatch';
  for (let each: Decision | undefined = decision; each !== undefined;) {
    const after = apply(model.items, each.effects);
    if (after === 'refused') {
      model.refused?.add(id);
      return 'failed';
    }
    if (after !== 'condition') {
      model.items.clear();
      for (const [at, item] of after) model.items.set(at, item);
      model.done.set(id, payloadHash);
      return each.outcome ?? 'completed';
    }
    each = each.otherwise;
  }
  return 'failed';
}

export const processAll = (model: Model, entries: readonly Entry[]): CommitResult['is'][] =>
  entries.map((entry) => process(model, entry));
