import { isMap, isPair, isScalar, parseDocument, type Document } from 'yaml';

import { UsageError } from '../commands/command.ts';

/**
 * Adds a function to the section `functions` of a serverless.yml, unless the section already has the function.
 * Everything else in the file stays as it is.
 */
export function addFunction(text: string, name: string, lines: readonly string[]): string {
  const document = parseDocument(text);
  const [mistake] = document.errors[0]?.message.split('\n') ?? [];
  if (mistake !== undefined) throw new UsageError(`serverless.yml cannot be parsed: ${mistake}`);
  const functions = document.get('functions', true);
  if (!isMap(functions) || functions.flow || functions.items.length === 0)
    throw new UsageError('serverless.yml has no section "functions" with at least one function: add one by hand first');
  if (functions.has(name)) return text;
  const first = functions.items[0]!.key;
  const column = isScalar(first) && first.range ? first.range[0] - (text.lastIndexOf('\n', first.range[0]) + 1) : 2;
  const indent = ' '.repeat(column);
  const last = functions.items.at(-1)!;
  const end = endOf(last.value ?? last.key);
  const lineEnd = text.indexOf('\n', end - 1);
  const at = lineEnd < 0 ? text.length : lineEnd + 1;
  const added = [`${name}:`, ...lines.map((line) => `  ${line}`)].map((line) => `${indent}${line}\n`).join('');
  return `${text.slice(0, at)}${at === text.length && !text.endsWith('\n') ? '\n' : ''}${added}${text.slice(at)}`;
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
  const look = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if ((node as { anchor?: string }).anchor === anchor) found = true;
    if (isPair(node)) [node.key, node.value].forEach(look);
    for (const item of (node as { items?: unknown[] }).items ?? []) look(item);
  };
  look(document.contents);
  return found;
}

/** Returns whether the section `functions` of a serverless.yml has a function of this name. */
export const hasFunction = (text: string, name: string): boolean => parseDocument(text).hasIn(['functions', name]);
