import { stageSchema } from './stage.ts';
import { readStage, stages } from './read-stage.ts';

/** Every setting of a stage by its path. */
function settingsOf(value: unknown, path = ''): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return { [path]: String(value) };
  if (Array.isArray(value)) return { [path]: value.length === 0 ? 'nobody' : value.join(', ') };
  return Object.assign(
    {},
    ...Object.entries(value).map(([name, part]) => settingsOf(part, path ? `${path}.${name}` : name)),
  ) as Record<string, string>;
}

/** A table of the settings in which stages differ, and those that they share below it, in Markdown. */
export function differences(): string {
  const names = Object.keys(stages);
  const settings = names.map((name) => settingsOf(readStage(name)));
  const paths = [...new Set(settings.flatMap(Object.keys))].toSorted((a, b) => order(a) - order(b));
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const values = (path: string) => settings.map((one) => one[path] ?? '–');
  const isShared = (path: string) => new Set(values(path)).size === 1;
  const differing = paths.filter((path) => !isShared(path)).map((path) => row([`\`${path}\``, ...values(path)]));
  const shared = paths.filter(isShared).map((path) => `\`${path}\` ${values(path)[0]}`);
  return [
    row(['setting', ...names]),
    row(['---', ...names.map(() => '---')]),
    ...differing,
    '',
    `The same everywhere: ${shared.join(', ')}.`,
  ].join('\n');
}

/** Where the first part of a path stands in the schema. */
const order = (path: string): number => Object.keys(stageSchema.shape).indexOf(path.split('.')[0]!);
