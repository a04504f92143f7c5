/** A part of a text: either visible characters, or one character that is invisible or changes the direction of text. */
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

/**
 * Matches characters that are invisible or change the direction of text, except tabs, new lines and variation selectors
 * of emoji.
 */
const UNSEEN = /(?![\t\n]|\p{Variation_Selector})[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u;

/**
 * Splits a text of a message into parts. Each character that is invisible or changes the direction of text becomes a
 * separate part, so that the page can show the name of the character.
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
