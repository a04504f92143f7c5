/** The methods of strings in Node.js 20 that the type definitions of ES2023 lack. */
interface UnicodeText {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/**
 * Replaces each lone surrogate of a text by U+FFFD, because DynamoDB accepts only well-formed Unicode. A lone surrogate
 * is one half of a character that consists of two UTF-16 code units.
 */
export function wellFormed(text: string): string {
  const unicode = text as unknown as UnicodeText;
  return unicode.isWellFormed() ? text : unicode.toWellFormed();
}

/**
 * Returns at most the first `maxLength` UTF-16 code units of a text, as well-formed Unicode. A character that would be
 * cut in half is left out.
 */
export function shortText(text: string, maxLength: number): string {
  const cutsPair = text.length > maxLength && text.codePointAt(maxLength - 1)! > 0xffff;
  return wellFormed(text.slice(0, cutsPair ? maxLength - 1 : maxLength));
}
