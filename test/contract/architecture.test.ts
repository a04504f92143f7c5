import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from '@jest/globals';

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

const folderOf = (file: string): string => file.split('/')[1]!;

const sources = readdirSync('lib', { recursive: true, encoding: 'utf8' })
  .map((file) => join('lib', file))
  .filter((file) => /^lib\/.+\/.+\.ts$/.test(file));

/** For each folder of lib, the other folders of lib that its files import. */
const imports: Graph = graphOf(
  sources.flatMap((file) =>
    Array.from(readFileSync(file, 'utf8').matchAll(/\b(?:from|import)[ (]'(\.[^']+)'/g), ([, path]) => [
      folderOf(file),
      folderOf(join(dirname(file), path!)),
    ]),
  ),
);

function graphOf(arrows: readonly (readonly string[])[]): Graph {
  const graph = new Map<string, Set<string>>(arrows.flat().map((name) => [name, new Set<string>()]));
  for (const [from, to] of arrows) if (from !== to) graph.get(from!)!.add(to!);
  return graph;
}

/**
 * Returns the transitive reduction of a graph: every arrow except those that a longer path of arrows makes redundant.
 */
function shortestArrows(graph: Graph): string[] {
  return [...graph].flatMap(([from, targets]) => {
    const replaced = new Set([...targets].flatMap((target) => [...graph.get(target)!]));
    // A `for` loop over a set also visits the elements that are added to the set meanwhile.
    for (const name of replaced) for (const next of graph.get(name)!) replaced.add(next);
    return [...targets].filter((to) => !replaced.has(to)).map((to) => `${from} --> ${to}`);
  });
}

test('the diagram of docs/architecture.md contains every folder of lib, and the arrows that the imports of the folders require', () => {
  const page = readFileSync('docs/architecture.md', 'utf8');
  const [, diagram = ''] = /subgraph lib .*?\n(.*?)\n {2}end\n/s.exec(page) ?? [];
  const nodes = new Map(
    Array.from(diagram.matchAll(/(\w+)\["(.+?)"\]/g)).flatMap(([, node, label]) =>
      label!.split(', ').map((folder) => [folder.replace('/', ''), node!]),
    ),
  );
  expect([...nodes.keys()].toSorted()).toEqual([...imports.keys()].toSorted());
  const required = [...imports].flatMap(([from, targets]) =>
    [...targets].map((to) => [nodes.get(from)!, nodes.get(to)!]),
  );
  expect(diagram.match(/\w+ --> \w+/g)?.toSorted()).toEqual(shortestArrows(graphOf(required)).toSorted());
});

test('for each folder of lib, .oxlintrc.json allows imports from exactly those folders from which the files of the folder import', () => {
  const { overrides } = JSON.parse(readFileSync('.oxlintrc.json', 'utf8')) as {
    overrides: { files: [string]; rules: { 'no-restricted-imports': [string, { patterns: [{ group: string[] }] }] } }[];
  };
  const allowed = overrides.flatMap(({ files: [files], rules }) => {
    const folder = /^lib\/([\w-]+)\/\*\*$/.exec(files)?.[1];
    if (folder === undefined) return [];
    const names = rules['no-restricted-imports'][1].patterns[0].group.flatMap(
      (pattern) => pattern.match(/[\w-]+/g) ?? [],
    );
    return [[folder, [...new Set(names)].filter((name) => imports.has(name)).toSorted()] as const];
  });
  const imported = Array.from(imports, ([folder, folders]) => [folder, [...folders].toSorted()] as const);
  expect(Object.fromEntries(allowed)).toEqual(Object.fromEntries(imported));
});
