import { describe, expect, test } from '@jest/globals';

import { chooseLanguage, localeFor, texts } from '../../../infra/console/texts.ts';

const paths = (value: unknown, path = ''): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, inner]) => paths(inner, `${path}.${name}`))
    : [`${path} ${typeof value}`];

describe("the texts of the operators' console", () => {
  test('every English text of the console has a Chinese translation', () => {
    expect(paths(texts.zh).toSorted()).toEqual(paths(texts.en).toSorted());
  });

  test('no Chinese text of the console is a copy of the English text', () => {
    const leaves = (value: unknown): string[] =>
      typeof value === 'string' ? [value] : typeof value === 'object' ? Object.values(value!).flatMap(leaves) : [];
    const english = new Set(leaves(texts.en));
    expect(leaves(texts.zh).filter((text) => english.has(text))).toEqual([]);
  });

  test.each([
    ['?lang=zh', ['de'], 'zh'],
    ['?lang=xx', ['zh-CN', 'en'], 'zh'],
    ['', ['de-DE', 'en-GB'], 'en'],
    ['', ['de-DE'], 'en'],
    ['?lang=toString', [], 'en'],
  ])(
    'for the query %j and the browser languages %j, the console chooses the language %s',
    (search, preferred, language) => {
      expect(chooseLanguage(search, preferred)).toBe(language);
    },
  );

  test('numbers and times use the locale of the browser if the locale belongs to the language of the page', () => {
    expect(localeFor('en', ['de-DE', 'en-GB'])).toBe('en-GB');
    expect(localeFor('zh', ['en-GB'])).toBe('zh');
  });
});
