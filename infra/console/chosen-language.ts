const KEY = 'language';

/** Returns the language that the operator chose last in this browser, or null if no language is known. */
export function readChosenLanguage(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // The browser can forbid the page to store anything.
    return null;
  }
}

export function storeChosenLanguage(language: string): void {
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // The address still names the language.
  }
}
