/** A part of a text: characters that are shown as they are, or a character that is invisible or changes the direction. */
export type TextPart = string | { readonly name: string };

const NAMES: Readonly<Record<string, string>> = {
  '\u200b': 'ZWSP',
  '\u200c': 'ZWNJ',
  '\u200d': 'ZWJ',
  '\u200e': 'LRM',
  '\u200f': 'RLM',
  '\u061c': 'ALM',
  '\u202a': 'LRE',
  '\u202b': 'RLE',
  '\u202c': 'PDF',
  '\u202d': 'LRO',
  '\u202e': 'RLO',
  '\u2066': 'LRI',
  '\u2067': 'RLI',
  '\u2068': 'FSI',
  '\u2069': 'PDI',
  '\ufeff': 'BOM',
};

/** Characters that are invisible or change the direction of text. Tabs, new lines and the variants of emoji are left out. */
const UNSEEN = /(?![\t\n]|\p{Variation_Selector})[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u;

/**
 * Splits a text from a message into parts. Characters that are invisible, or that change the direction of text, become
 * parts of their own, so that the page can show their names.
 */
export function partsOf(text: string): TextPart[] {
  if (!UNSEEN.test(text)) return [text];
  const parts: TextPart[] = [];
  let plain = '';
  for (const character of text) {
    if (!UNSEEN.test(character)) plain += character;
    else {
      if (plain) parts.push(plain);
      plain = '';
      parts.push({ name: nameOf(character) });
    }
  }
  if (plain) parts.push(plain);
  return parts;
}

const nameOf = (character: string): string =>
  NAMES[character] ?? `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
