import { stageSchema } from '../../stages/stage.ts';
import { stages } from '../../stages/all.ts';
import { readStage } from '../../stages/read-stage.ts';
import type { ResourceChange } from './compare.ts';
import type { Effect } from './effects.ts';

/**
 * Returns the Markdown table of docs/deploy.md that lists all settings with the effect of changing each one in a deployed stage.
 */
export function settingsTable(effects: readonly Effect[]): string {
  const names = Object.keys(stages);
  const values = names.map((name) => flatten(readStage(name)));
  const paths = new Set([...values.flatMap(Object.keys), ...effects.map(({ setting }) => setting)]);
  const of = (path: string) => effects.filter(({ setting }) => setting === path);
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(['setting', ...names, 'effect of a change']),
    row(['---', ...names.map(() => '---'), '---']),
    ...[...paths]
      .toSorted((one, other) => order(one) - order(other))
      .map((path) => row([`\`${path}\``, ...values.map((one) => one[path] ?? '–'), describe(of(path))])),
  ].join('\n');
}

function flatten(value: unknown, path = ''): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return { [path]: String(value) };
  if (Array.isArray(value)) return { [path]: value.length === 0 ? 'none' : value.join(', ') };
  return Object.assign(
    {},
    ...Object.entries(value).map(([name, part]) => flatten(part, path ? `${path}.${name}` : name)),
  ) as Record<string, string>;
}

const order = (path: string): number => Object.keys(stageSchema.shape).indexOf(path.split('.')[0]!);

function describe(effects: readonly Effect[]): string {
  const made = effects.filter(({ refused }) => refused.length === 0);
  if (made.length === 0) return '**refused**';
  const types = (...wanted: ResourceChange['effect'][]) =>
    [
      ...new Set(
        made.flatMap(({ changes }) =>
          changes.filter(({ effect }) => wanted.includes(effect)).map(({ type }) => nameOf(type)),
        ),
      ),
    ]
      // Every changed function gets a new version, so versions are not worth listing.
      .filter((name) => name !== 'Version')
      .toSorted()
      .join(', ');
  const [updated, replaced, added] = [types('updated'), types('replaced'), types('created', 'deleted')];
  const refused = effects
    .filter((effect) => effect.refused.length > 0)
    .map(({ from, to }) => `${text(from)} to ${text(to)}`);
  const parts = [
    updated && `in place: ${updated}`,
    added && `adds or removes ${added}`,
    replaced && `replaces ${replaced}`,
    refused.length > 0 && `**refused**: ${[...new Set(refused)].join(', ')}`,
  ].filter(Boolean);
  return parts.join('; ') || 'changes no resource';
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const nameOf = (type: string): string => type.split('::').at(-1)!;
