import { isDeepStrictEqual } from 'node:util';

type Section = Readonly<Record<string, unknown>>;

/**
 * Describes the differences between two versions of serverless.yml: each changed function with its changed properties, and each
 * other changed section.
 */
export function differences(before: Section, after: Section): string[] {
  const sections = changedKeys(before, after).filter((key) => key !== 'functions');
  const [old, now] = [sectionOf(before['functions']), sectionOf(after['functions'])];
  const functions = changedKeys(old, now).map((name) => {
    if (!(name in old)) return `function ${name} (new)`;
    if (!(name in now)) return `function ${name} (removed)`;
    return `function ${name} (${changedKeys(sectionOf(old[name]), sectionOf(now[name])).join(', ')})`;
  });
  return [...functions, ...sections.map((name) => `${name} of serverless.yml`)];
}

const changedKeys = (before: Section, after: Section): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => !isDeepStrictEqual(before[key], after[key]),
  );

const sectionOf = (value: unknown): Section => (typeof value === 'object' && value !== null ? (value as Section) : {});
