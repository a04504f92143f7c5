import { isDeepStrictEqual } from 'node:util';

import { isMap, isPair, isScalar, parseDocument, type Document } from 'yaml';

import { UsageError } from '../commands/command.ts';

/**
 * Adds a function to the section `functions` of a serverless.yml, unless the section already has the function.
 * Everything else in the file stays as it is.
 */
export function addFunction(text: string, name: string, lines: readonly string[]): string {
  const document = parsed(text);
  const functions = document.get('functions', true);
  if (!isMap(functions) || functions.flow || functions.items.length === 0)
    throw new UsageError(
      'serverless.yml needs a section "functions" in block style with at least one function: write this section by hand first',
    );
  if (functions.has(name)) return text;
  const first = functions.items[0]!.key;
  const column = isScalar(first) && first.range ? first.range[0] - (text.lastIndexOf('\n', first.range[0]) + 1) : 2;
  const indent = ' '.repeat(column);
  const last = functions.items.at(-1)!;
  const end = endOf(last.value ?? last.key);
  const lineEnd = text.indexOf('\n', end - 1);
  const at = lineEnd < 0 ? text.length : lineEnd + 1;
  const added = [`${name}:`, ...lines.map((line) => `  ${line}`)].map((line) => `${indent}${line}\n`).join('');
  const edited = `${text.slice(0, at)}${at === text.length && !text.endsWith('\n') ? '\n' : ''}${added}${text.slice(at)}`;
  const { [name]: own, ...others } = functionsOf(edited);
  if (own === undefined || !isDeepStrictEqual(others, functionsOf(text))) {
    const line = text.slice(0, at).split('\n').length;
    const settings = lines.join(', ');
    throw new UsageError(
      `serverless.yml (line ${line}): surehop add cannot insert the function ${name} at this line without changing another function. Nothing was written; add the function by hand, with ${settings}`,
    );
  }
  return edited;
}

function parsed(text: string): Document {
  const document = parseDocument(text);
  const [mistake] = document.errors[0]?.message.split('\n') ?? [];
  if (mistake !== undefined) throw new UsageError(`serverless.yml cannot be parsed: ${mistake}`);
  return document;
}

function endOf(node: unknown): number {
  if (isPair(node)) return endOf(node.value ?? node.key);
  const { items, flow, range } = node as { items?: unknown[]; flow?: boolean; range?: [number, number, number] };
  return items?.length && !flow ? endOf(items.at(-1)) : range![1];
}

/** Returns whether a serverless.yml has an anchor of this name, such as `&consumer`. */
export function hasAnchor(text: string, anchor: string): boolean {
  const document: Document = parseDocument(text);
  let found = false;
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ((node as { anchor?: string }).anchor === anchor) found = true;
    if (isPair(node)) [node.key, node.value].forEach(visit);
    for (const item of (node as { items?: unknown[] }).items ?? []) visit(item);
  };
  visit(document.contents);
  return found;
}

interface LambdaFunction {
  readonly handler?: unknown;
  readonly events?: unknown;
}

/** Returns the section `functions` of a serverless.yml. */
export function functionsOf(text: string): Readonly<Record<string, LambdaFunction | null>> {
  const { functions } = (parsed(text).toJS() ?? {}) as { functions?: Record<string, LambdaFunction> };
  return functions ?? {};
}

/**
 * Returns whether a serverless.yml has a function of this name. Throws a `UsageError` if the function does not have the
 * expected handler or event source.
 */
export function hasFunction(
  text: string,
  name: string,
  { handler, source }: { readonly handler: string; readonly source: (events: unknown) => boolean },
): boolean {
  const functions = functionsOf(text);
  if (!Object.hasOwn(functions, name)) return false;
  const existing = functions[name];
  if (existing?.handler !== handler || !source(existing.events))
    throw new UsageError(`serverless.yml already has a different function named ${name}: choose another name`);
  return true;
}

/** Returns the HTTP routes among the events of a function, such as `POST /orders`. */
export function routesIn(events: unknown): string[] {
  if (!Array.isArray(events)) return [];
  return events.flatMap((event: { httpApi?: string | { method?: unknown; path?: unknown } } | null) => {
    const route = event?.httpApi;
    if (typeof route === 'string') return [route];
    return route ? [`${String(route.method).toUpperCase()} ${String(route.path)}`] : [];
  });
}
