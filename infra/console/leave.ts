import { useEffect } from 'preact/hooks';

/** The question that the page asks before the operator leaves the view. Undefined if nothing would be lost. */
let question: string | undefined;

/**
 * Makes the page ask the question `text` before the operator leaves the view. If the operator closes the page, the
 * browser shows its own question instead. Without `text`, nothing is asked.
 */
export function useLeaveQuestion(text: string | undefined): void {
  useEffect(() => {
    if (text === undefined) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    question = text;
    addEventListener('beforeunload', ask);
    return () => {
      question = undefined;
      removeEventListener('beforeunload', ask);
    };
  }, [text]);
}

/** Asks the operator whether to leave the view, if unsent changes would be lost. Returns false if the operator stays. */
export const mayLeave = (): boolean => question === undefined || confirm(question);
